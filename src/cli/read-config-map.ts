import { readPolicy } from '../core/annotations.ts';
import { printable } from '../core/printable.ts';
import { type SelectedKey, selectKey } from '../core/select-key.ts';
import type { ClusterAccess } from './cluster-access.ts';
import { type Input, wholeText } from './config-text.ts';
import { readConfigMap, type SourceObject } from './read-reload.ts';

/** The config text that a ConfigMap of the cluster holds, opted in or not: of `key`, else of the key that the controller takes. */
export async function readConfigMapText(
  access: ClusterAccess,
  { name, key }: { readonly name: string; readonly key: string | undefined },
  signal: AbortSignal,
): Promise<Input> {
  const selected = selectText(await readConfigMap(access, name, signal), key);
  const called = `ConfigMap ${access.namespace}/${printable(name, 253)}`;
  if (selected.found) return wholeText(`${called}, key ${printable(selected.key, 128)}`, selected.content);
  const violation = { path: '$', rule: 'key-missing', message: selected.message, line: 1, column: 1 };
  return { source: called, file: called, lines: [], violation };
}

/** The key of a ConfigMap, `key` or else the one that the controller takes, and what it holds. */
export function selectText(source: SourceObject, key?: string): SelectedKey {
  const policy = readPolicy(source.annotations);
  return selectKey(source, key ?? (policy.kind === 'optedIn' ? policy.policy.key : undefined));
}
