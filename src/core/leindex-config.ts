/** LeIndex's configuration: the JSON Schema, the type and the defaults, side by side. Facts: LeIndex `config/global_config.py`. */

/** Effective values: what is absent in a file is filled in from the defaults. */
export interface LeIndexConfig {
  readonly version: string;
  readonly memory: {
    readonly total_budget_mb: number;
    readonly global_index_mb: number;
    readonly warning_threshold_percent: number;
    readonly prompt_threshold_percent: number;
    readonly emergency_threshold_percent: number;
  };
  readonly projects: {
    readonly estimated_mb: number;
    readonly priority: 'high' | 'normal' | 'low';
    readonly max_file_size: number;
  };
  readonly performance: {
    readonly cache_enabled: boolean;
    readonly cache_ttl_seconds: number;
    readonly parallel_workers: number;
    readonly batch_size: number;
  };
}

const integer = (minimum: number, maximum: number, fallback: number, description: string) => ({
  type: 'integer' as const,
  minimum,
  maximum,
  default: fallback,
  description,
});

/** JSON Schema 2020-12 of a LeIndex 2.0 file. Rules across fields are in `cross-field.ts`. */
export const leindexConfigSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: 'https://reload.leindex.io/schemas/leindex-config-2.0.json',
  title: 'LeIndex configuration 2.0',
  type: 'object',
  required: ['memory', 'projects', 'performance'],
  properties: {
    version: { type: 'string', enum: ['1.0', '2.0'], default: '2.0', description: 'Format of this file.' },
    memory: {
      type: 'object',
      additionalProperties: false,
      properties: {
        total_budget_mb: integer(512, 65536, 3072, 'Memory for everything, MiB.'),
        global_index_mb: integer(128, 8192, 512, 'Memory for the global index, MiB; 10 % to 50 % of total_budget_mb.'),
        warning_threshold_percent: integer(50, 95, 80, 'Usage at which a warning is logged, percent.'),
        prompt_threshold_percent: integer(60, 99, 93, 'Usage at which the user is asked, percent.'),
        emergency_threshold_percent: integer(70, 100, 98, 'Usage at which projects are evicted, percent.'),
      },
    },
    projects: {
      type: 'object',
      additionalProperties: false,
      properties: {
        estimated_mb: integer(32, 4096, 256, 'Expected memory of one project, MiB.'),
        priority: {
          type: 'string',
          enum: ['high', 'normal', 'low'],
          default: 'normal',
          description: 'Default priority.',
        },
        max_file_size: integer(1024, 1073741824, 5242880, 'Largest file that is indexed, bytes.'),
      },
    },
    performance: {
      type: 'object',
      additionalProperties: false,
      properties: {
        cache_enabled: { type: 'boolean', default: true, description: 'Keep query results.' },
        cache_ttl_seconds: integer(30, 3600, 300, 'How long a result is kept, seconds.'),
        parallel_workers: integer(1, 32, 4, 'Worker threads.'),
        batch_size: integer(10, 500, 50, 'Files indexed at a time.'),
      },
    },
  },
} as const;
