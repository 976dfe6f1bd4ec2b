/** Bounds of a document, far above any real configuration and far below what costs time. */
export const limits = {
  /** Collections inside collections. */
  depth: 32,
  /** Scalars, lists and mappings of the text. */
  nodes: 5000,
  aliases: 100,
  /** Pairs that merge keys may copy, counted as PyYAML copies them. */
  mergedPairs: 10_000,
  /** PyYAML's own bound for a key without `?`, in characters. */
  simpleKeyCharacters: 1024,
} as const;
