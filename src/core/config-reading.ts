import type { ConfigNode, Finding, ScalarNode } from './config-tree.ts';
import type { SectionName } from './default-config.ts';

/** One value of a section, under its 2.0 name, and where it was written. */
export interface FieldReading {
  /** As the person wrote it: `memory.total_budget_mb`, or in a 1.0 file `memory_settings.total_mb`. */
  readonly path: string;
  readonly key: ScalarNode;
  readonly value: ConfigNode;
}

export interface SectionReading {
  readonly at: number;
  /** What stands in place of the section where it is no mapping. */
  readonly misplaced?: ConfigNode;
  readonly fields: ReadonlyMap<string, FieldReading>;
}

/** A document as LeIndex would validate it: after version and migration, before the defaults. Absent sections are absent. */
export interface ConfigReading {
  readonly sections: ReadonlyMap<SectionName, SectionReading>;
  readonly findings: readonly Finding[];
  readonly warnings: readonly Finding[];
}
