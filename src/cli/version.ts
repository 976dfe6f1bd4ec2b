import { readFileSync } from 'node:fs';

/** The version in package.json, which lies one folder above the bundle and two above the sources. */
export const version = readVersion();

function readVersion(): string {
  for (const up of ['../package.json', '../../package.json']) {
    try {
      const { name, version: found } = JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8')) as Record<
        string,
        unknown
      >;
      if (name === 'leindex-reloader' && typeof found === 'string') return found;
    } catch {
      continue; // not there: the other layout
    }
  }
  return '0.0.0';
}
