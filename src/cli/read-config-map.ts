import { isOptedIn } from '../core/annotations.ts';
import { KEY_ANNOTATION } from '../core/names.ts';
import { printable } from '../core/printable.ts';
import { type SelectedKey, selectKey } from '../core/select-key.ts';
import type { ClusterAccess } from './cluster-access.ts';
import { type Input, type PlacedFindings, wholeText } from './config-text.ts';
import { judgeAnnotations } from './judge-annotations.ts';
import { readConfigMap, type SourceObject } from './read-reload.ts';

/** The config text that a ConfigMap of the cluster holds, opted in or not: of `key`, else of the key that the controller takes. */
export async function readConfigMapText(
  access: ClusterAccess,
  { name, key }: { readonly name: string; readonly key: string | undefined },
  signal: AbortSignal,
): Promise<Input> {
  const source = await readConfigMap(access, name, signal);
  const selected = selectText(source, key);
  const called = `ConfigMap ${access.namespace}/${printable(name, 253)}`;
  const whole = { line: 1, column: 1 };
  const findings = judgeAnnotations(source.annotations, () => whole);
  const annotations: PlacedFindings = { ...findings, file: called, lines: [] };
  if (selected.found)
    return { ...wholeText(`${called}, key ${printable(selected.key, 128)}`, selected.content), annotations };
  const violation = { path: '$', rule: 'key-missing', message: selected.message, ...whole };
  return { source: called, file: called, lines: [], violation, annotations };
}

/** The key of a ConfigMap, `key` or else the one that the controller takes, and what it holds. */
export function selectText(source: SourceObject, key?: string): SelectedKey {
  // Whatever is wrong with the other annotations: this one says which text is meant.
  const named = isOptedIn(source.annotations) ? source.annotations[KEY_ANNOTATION] : undefined;
  return selectKey(source, key ?? named);
}
