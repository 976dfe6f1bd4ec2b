import type { ConfigNode, MappingNode, ScalarNode } from './config-tree.ts';

/** A mapping's entries with text keys, merge keys applied; a written key wins over a merged one. */
export function effectivePairs(mapping: MappingNode): Map<string, { key: ScalarNode; value: ConfigNode }> {
  const entries = new Map<string, { key: ScalarNode; value: ConfigNode }>();
  collect(mapping, entries);
  return entries;
}

function collect(mapping: MappingNode, entries: Map<string, { key: ScalarNode; value: ConfigNode }>): void {
  for (const [key, value] of mapping.pairs) {
    if (isMergeKey(key)) for (const source of mergeSources(value)) collect(source, entries);
  }
  for (const [key, value] of mapping.pairs) {
    if (key.kind === 'scalar' && !isMergeKey(key)) entries.set(keyName(key), { key, value });
  }
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

/** Distinct for keys that Python tells apart: `1` and `"1"` are two keys, `1` and `1.0` and `true` are one. */
export function keyName(key: ScalarNode): string {
  const { scalar } = key;
  switch (scalar.type) {
    case 'string':
      return scalar.value;
    case 'default':
      return '=';
    case 'integer':
    case 'float':
      return `\u0000number:${scalar.value}`;
    case 'boolean':
      return `\u0000number:${scalar.value ? 1 : 0}`;
    case 'timestamp':
    case 'null':
    case 'merge':
      return `\u0000${scalar.type}:${key.text}`;
  }
}
