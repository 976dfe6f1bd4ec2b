import { stringify } from 'yaml';
import type { LeIndexConfig } from '../core/leindex-config.ts';

/** A configuration as a LeIndex file that a person, and PyYAML, reads. */
export function showConfig(config: LeIndexConfig): string {
  return stringify(config, { version: '1.1' });
}
