import type { LeIndexConfig } from './leindex-config.ts';

export type ConfigValue = string | number | boolean;

/** One effective value that differs. `from` is null where there was no configuration before. */
export interface ConfigChange {
  /** Dotted, as in the file: `memory.total_budget_mb`. */
  readonly path: string;
  readonly from: ConfigValue | null;
  readonly to: ConfigValue | null;
}

/** The effective values that differ, in the order of the schema. Only fields of the schema can appear. */
export function diffConfigs(before: LeIndexConfig | null, after: LeIndexConfig | null): readonly ConfigChange[] {
  const old = flatten(before);
  const now = flatten(after);
  return [...new Set([...now.keys(), ...old.keys()])]
    .filter((path) => old.get(path) !== now.get(path))
    .map((path) => ({ path, from: old.get(path) ?? null, to: now.get(path) ?? null }));
}

function flatten(config: LeIndexConfig | null): Map<string, ConfigValue> {
  if (config === null) return new Map();
  const { version, ...sections } = config;
  const fields = Object.entries(sections).flatMap(([section, values]) =>
    Object.entries(values as Record<string, ConfigValue>).map(
      ([name, value]) => [`${section}.${name}`, value] as const,
    ),
  );
  return new Map<string, ConfigValue>([['version', version], ...fields]);
}
