import type { ConfigReading, FieldReading, SectionReading } from './config-reading.ts';
import type { ConfigNode, Finding, MappingNode } from './config-tree.ts';
import { describeValue } from './describe-value.ts';
import { SECTIONS, type SectionName } from './default-config.ts';
import { effectivePairs, type EffectivePairs } from './effective-pairs.ts';
import { isVersionOneKey, readVersionOne, VERSION_ONE_KEYS } from './migrate-1.0.ts';
import { nearestName } from './nearest-name.ts';
import { showKey } from './show-value.ts';

/** Which version the document is of, and what LeIndex would make of its sections. */
export function readConfig(root: MappingNode): ConfigReading {
  const top = effectivePairs(root);
  const version = top.get('version');
  if (version === undefined) return readUnversioned(root, top);
  const { value } = version;
  if (value.kind === 'scalar' && value.scalar.type === 'string') {
    if (value.scalar.value === '2.0') return readVersionTwo(top);
    if (value.scalar.value === '1.0') return readDeclaredVersionOne(root, top);
  }
  const looksRight = value.kind === 'scalar' && value.scalar.type !== 'string' && /^[12]\.0$/.test(value.text);
  return refuse({
    path: 'version',
    rule: 'unsupported-version',
    message: looksRight
      ? `version is the number ${value.text}, and LeIndex takes the text only; write version: "${value.text}"`
      : `version is ${describeValue(value)}; LeIndex reads the texts "2.0" and "1.0"; write version: "2.0"`,
    at: value.at,
  });
}

function readVersionTwo(top: EffectivePairs): ConfigReading {
  const sections = new Map<SectionName, SectionReading>();
  const warnings: Finding[] = [];
  for (const [name, { key, value }] of top) {
    if (isSection(name)) sections.set(name, readSection(name, value, key.at));
    else if (name !== 'version') warnings.push(ignoredKey(key.text, key.at, ['version', ...SECTIONS]));
  }
  return { sections, findings: [], warnings };
}

function readSection(section: SectionName, value: ConfigNode, at: number): SectionReading {
  if (value.kind !== 'mapping') return { at, misplaced: value, fields: new Map() };
  const fields = new Map<string, FieldReading>();
  for (const [name, entry] of effectivePairs(value)) fields.set(name, { ...entry, path: `${section}.${name}` });
  return { at, fields };
}

function readUnversioned(root: MappingNode, top: EffectivePairs): ConfigReading {
  const section = SECTIONS.find((name) => top.has(name));
  if (section !== undefined) {
    return refuse({
      path: 'version',
      rule: 'missing-version',
      message: `the text has the 2.0 section ${section} and no version, and LeIndex would drop it and run on defaults; write version: "2.0" as the first line`,
      at: root.at,
    });
  }
  return readVersionOneKeys(root, top, 'no version, which counts as "1.0"');
}

function readDeclaredVersionOne(root: MappingNode, top: EffectivePairs): ConfigReading {
  const section = SECTIONS.find((name) => top.has(name));
  if (section !== undefined) {
    return refuse({
      path: 'version',
      rule: 'version-mismatch',
      message: `version is "1.0" and ${section} is a section of 2.0, which LeIndex would drop; write version: "2.0"`,
      at: top.get('version')?.value.at ?? root.at,
    });
  }
  return readVersionOneKeys(root, top, 'version "1.0"');
}

function readVersionOneKeys(root: MappingNode, top: EffectivePairs, why: string): ConfigReading {
  if (![...top.keys()].some(isVersionOneKey)) {
    return refuse({
      path: '$',
      rule: 'nothing-recognised',
      message:
        'the text has no key of LeIndex, which would run on defaults; write version: "2.0" and the sections memory, projects, performance',
      at: root.at,
    });
  }
  const migrated: Finding = {
    path: 'version',
    rule: 'migrated-version',
    message: `${why}: LeIndex reads the 1.0 keys (${VERSION_ONE_KEYS.join(', ')}) and drops the rest; better write version: "2.0" and its sections`,
    at: top.get('version')?.value.at ?? root.at,
  };
  const reading = readVersionOne(top);
  return { ...reading, warnings: [migrated, ...reading.warnings] };
}

function ignoredKey(text: string, at: number, known: readonly string[]): Finding {
  const nearest = nearestName(text, known);
  const hint = nearest === undefined ? `the known keys are ${known.join(', ')}` : `did you mean ${nearest}?`;
  const isOld = isVersionOneKey(text);
  return {
    path: '$',
    rule: 'unknown-top-level-key',
    message: `${showKey(text)} is ignored by LeIndex; ${isOld ? 'it is a key of version 1.0, and this is a 2.0 file' : hint}`,
    at,
  };
}

function isSection(name: string): name is SectionName {
  return (SECTIONS as readonly string[]).includes(name);
}

function refuse(finding: Finding): ConfigReading {
  return { sections: new Map(), findings: [finding], warnings: [] };
}
