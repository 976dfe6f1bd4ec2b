import type { ConfigNode, MappingNode, ScalarNode } from './config-tree.ts';

export type EffectivePairs = ReadonlyMap<string, { readonly key: ScalarNode; readonly value: ConfigNode }>;

/** A mapping's entries by `keyName`, merge keys applied; a written key wins over a merged one. Each mapping is merged once. */
export function effectivePairs(mapping: MappingNode, known = new Map<MappingNode, EffectivePairs>()): EffectivePairs {
  const before = known.get(mapping);
  if (before) return before;
  const entries = new Map<string, { key: ScalarNode; value: ConfigNode }>();
  for (const [key, value] of mapping.pairs) {
    const sources = isMergeKey(key) ? mergeSources(value) : [];
    for (const source of sources) for (const [name, entry] of effectivePairs(source, known)) entries.set(name, entry);
  }
  for (const [key, value] of mapping.pairs) {
    if (key.kind === 'scalar' && !isMergeKey(key)) entries.set(keyName(key), { key, value });
  }
  known.set(mapping, entries);
  return entries;
}

export function isMergeKey(key: ConfigNode): boolean {
  return key.kind === 'scalar' && key.scalar.type === 'merge';
}

/** In the order in which they are applied: in a list the first wins, so it comes last. */
function mergeSources(value: ConfigNode): MappingNode[] {
  if (value.kind === 'mapping') return [value];
  if (value.kind === 'sequence') return value.items.filter((item) => item.kind === 'mapping').reverse();
  return [];
}

/** The text of a text key; for other keys a name that no text has, one for all that Python holds equal (`1`, `1.0`, `true`). */
export function keyName(key: ScalarNode): string {
  const { scalar, text } = key;
  switch (scalar.type) {
    case 'string':
      return scalar.value.startsWith('\0') ? `\0${scalar.value}` : scalar.value;
    case 'default':
      return '=';
    case 'integer':
      return Number.isSafeInteger(scalar.value) ? `\0number:${scalar.value}` : `\0number:${text}`;
    case 'float':
      return `\0number:${scalar.value}`;
    case 'boolean':
      return `\0number:${scalar.value ? 1 : 0}`;
    case 'null':
      return '\0null';
    case 'merge':
      return '\0merge';
    case 'timestamp':
    case 'unreadable':
      return `\0${scalar.type}:${text}`;
  }
}
