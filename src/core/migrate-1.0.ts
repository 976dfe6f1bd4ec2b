import type { ConfigReading, FieldReading, SectionReading } from './config-reading.ts';
import type { Finding } from './config-tree.ts';
import { SECTIONS, type SectionName } from './default-config.ts';
import { effectivePairs, type EffectivePairs } from './effective-pairs.ts';
import { nearestName } from './nearest-name.ts';
import { showKey } from './show-value.ts';

type Target = readonly [section: SectionName, field: string];

/** The flat keys of 1.0 and where LeIndex's migration puts them. */
const TOP_LEVEL: ReadonlyMap<string, Target> = new Map<string, Target>([
  ['project_memory_mb', ['projects', 'estimated_mb']],
  ['max_file_size', ['projects', 'max_file_size']],
  ['cache_enabled', ['performance', 'cache_enabled']],
  ['cache_ttl', ['performance', 'cache_ttl_seconds']],
  ['max_workers', ['performance', 'parallel_workers']],
  ['batch_size', ['performance', 'batch_size']],
]);
const MEMORY_SETTINGS: ReadonlyMap<string, Target> = new Map<string, Target>([
  ['total_mb', ['memory', 'total_budget_mb']],
  ['global_index_mb', ['memory', 'global_index_mb']],
  ['warning_threshold', ['memory', 'warning_threshold_percent']],
  ['prompt_threshold', ['memory', 'prompt_threshold_percent']],
  ['emergency_threshold', ['memory', 'emergency_threshold_percent']],
]);

export const VERSION_ONE_KEYS: readonly string[] = ['memory_settings', ...TOP_LEVEL.keys()];

export function isVersionOneKey(name: string): boolean {
  return VERSION_ONE_KEYS.includes(name);
}

/** The 1.0 → 2.0 migration: known flat keys move to their section, everything else is dropped with a warning that names it. */
export function readVersionOne(top: EffectivePairs): ConfigReading {
  const fields: Record<SectionName, Map<string, FieldReading>> = {
    memory: new Map(),
    projects: new Map(),
    performance: new Map(),
  };
  const findings: Finding[] = [];
  const warnings: Finding[] = [];
  const move = (entries: EffectivePairs, targets: ReadonlyMap<string, Target>, prefix: string): void => {
    for (const [name, { key, value }] of entries) {
      const target = targets.get(name);
      if (target) fields[target[0]].set(target[1], { path: prefix + name, key, value });
      else if (prefix !== '' || (name !== 'version' && name !== 'memory_settings')) {
        warnings.push(
          droppedKey(key.text, { at: key.at, prefix, known: prefix ? [...targets.keys()] : VERSION_ONE_KEYS }),
        );
      }
    }
  };
  move(top, TOP_LEVEL, '');
  const memory = top.get('memory_settings');
  if (memory?.value.kind === 'mapping') move(effectivePairs(memory.value), MEMORY_SETTINGS, 'memory_settings.');
  else if (memory) {
    findings.push({
      path: 'memory_settings',
      rule: 'type',
      message: `memory_settings is no mapping; valid are the keys ${[...MEMORY_SETTINGS.keys()].join(', ')} below it`,
      at: memory.value.at,
    });
  }
  const sections = new Map(
    SECTIONS.map((name): [SectionName, SectionReading] => [name, { at: 0, fields: fields[name] }]),
  );
  return { sections, findings, warnings };
}

function droppedKey(
  text: string,
  { at, prefix, known }: { at: number; prefix: string; known: readonly string[] },
): Finding {
  const nearest = nearestName(text, known);
  return {
    path: prefix === '' ? '$' : prefix.slice(0, -1),
    rule: 'dropped-value',
    message: `${showKey(text)} is dropped by the migration from 1.0${nearest === undefined ? '' : `; did you mean ${nearest}?`}`,
    at,
  };
}
