import { leindexConfigSchema, type LeIndexConfig } from './leindex-config.ts';

export type SectionName = 'memory' | 'projects' | 'performance';
export const SECTIONS: readonly SectionName[] = ['memory', 'projects', 'performance'];

/** What the schema says of one field. */
export interface FieldSchema {
  readonly type: 'integer' | 'boolean' | 'string';
  readonly minimum?: number;
  readonly maximum?: number;
  readonly enum?: readonly string[];
  readonly default: number | boolean | string;
}

/** The fields of one section, in the order of the schema. */
export function sectionFields(section: SectionName): ReadonlyMap<string, FieldSchema> {
  return fields[section];
}

const fields: Readonly<Record<SectionName, ReadonlyMap<string, FieldSchema>>> = {
  memory: new Map(Object.entries(leindexConfigSchema.properties.memory.properties)),
  projects: new Map(Object.entries(leindexConfigSchema.properties.projects.properties)),
  performance: new Map(Object.entries(leindexConfigSchema.properties.performance.properties)),
};

/** Values by section and field; a Map, so that no name of a file can reach a prototype. */
export type SectionValues = Readonly<Record<SectionName, ReadonlyMap<string, unknown>>>;

/** The effective configuration, deeply frozen: the defaults with these values laid over them. */
export function fillDefaults(values: SectionValues): LeIndexConfig {
  const fill = (section: SectionName): object =>
    Object.freeze(
      Object.fromEntries(
        [...fields[section]].map(([name, field]): [string, unknown] => [
          name,
          values[section].get(name) ?? field.default,
        ]),
      ),
    );
  const config = {
    version: '2.0',
    memory: fill('memory'),
    projects: fill('projects'),
    performance: fill('performance'),
  };
  return Object.freeze(config as LeIndexConfig);
}
