import type { ConfigReading } from './config-reading.ts';
import type { Finding } from './config-tree.ts';
import type { LeIndexConfig } from './leindex-config.ts';

type MemoryField = keyof LeIndexConfig['memory'];

/**
 * The rules across fields, on effective values: an absent field takes part with its default. A rule with a field that is wrong
 * by itself (its path is in `wrongPaths`) says nothing.
 */
export function checkAcrossFields(
  { memory }: LeIndexConfig,
  reading: ConfigReading,
  wrongPaths: ReadonlySet<string>,
): Finding[] {
  const written = reading.sections.get('memory');
  const place = (...fields: MemoryField[]) => {
    const name = fields.find((field) => written?.fields.has(field)) ?? fields[0] ?? 'total_budget_mb';
    const field = written?.fields.get(name);
    return { path: field?.path ?? `memory.${name}`, at: field?.value.at ?? written?.at ?? 0 };
  };
  const show = (field: MemoryField) => {
    const name = written?.fields.get(field)?.path.split('.').at(-1);
    return name === undefined ? `${field} ${memory[field]} (the default)` : `${name} ${memory[field]}`;
  };
  const areSound = (...fields: MemoryField[]) =>
    fields.every((field) => !wrongPaths.has(written?.fields.get(field)?.path ?? ''));

  const findings: Finding[] = [];
  const ascending = (lower: MemoryField, higher: MemoryField): void => {
    if (!areSound(lower, higher) || memory[lower] < memory[higher]) return;
    findings.push({
      ...place(lower, higher),
      rule: 'threshold-order',
      message: `${show(lower)} is not below ${show(higher)}; valid is warning < prompt < emergency`,
    });
  };
  ascending('warning_threshold_percent', 'prompt_threshold_percent');
  ascending('prompt_threshold_percent', 'emergency_threshold_percent');

  const { total_budget_mb: total, global_index_mb: index } = memory;
  // In doubles and with these factors, as LeIndex computes it.
  if (areSound('total_budget_mb', 'global_index_mb') && (index > total * 0.5 || index < total * 0.1)) {
    findings.push({
      ...place('global_index_mb', 'total_budget_mb'),
      rule: 'index-share',
      message: `${show('global_index_mb')} is not 10 % to 50 % of ${show('total_budget_mb')}; valid is ${Math.ceil(total * 0.1)} to ${Math.floor(total * 0.5)}`,
    });
  }
  return findings;
}
