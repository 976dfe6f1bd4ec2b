import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { effectivePairs } from '../../src/core/effective-pairs.ts';
import type { ConfigNode } from '../../src/core/config-tree.ts';
import { rules, type RuleName } from '../../src/core/rules.ts';
import { validateConfig } from '../../src/core/validate-config.ts';
import type { ValidationOutcome } from '../../src/core/validation.ts';
import { readYaml } from '../../src/core/yaml-1.1/read-yaml.ts';
import {
  ignoredNoiseText,
  longScalarText,
  mergeText,
  scalarsText,
  mutatedText,
  noiseText,
  versionOneText,
  versionTwoText,
} from '../fixtures/config-arbitraries.ts';
import { badInputs } from '../fixtures/bad-inputs.ts';
import { startPythonOracle, type OracleAnswer, type PythonOracle } from '../fixtures/python-oracle.ts';

// LeIndex's twin in Python decides: what we accept it accepts with equal values, and what only we refuse we refuse by a listed rule.
const seed = Number(process.env.PYYAML_SEED ?? Date.now() % 2 ** 31);
const scale = Number(process.env.PYYAML_RUNS_SCALE ?? 1);
const NOT_TESTED = 'not tested against PyYAML: no python3 with PyYAML or pip here; install python3 and python3-pip';
const encode = (text: string) => new TextEncoder().encode(text);

let oracle: PythonOracle | undefined;
let count = 0;
let acceptedByBoth = 0;

beforeAll(async () => {
  oracle = await startPythonOracle();
  if (oracle) console.info(`differential test: ${oracle.version}, seed ${seed} (PYYAML_SEED=${seed} repeats it)`);
  else if (process.env.CI === 'true')
    throw new Error('the differential test needs python3 with PyYAML, or pip to install it');
  else
    console.warn(
      '\n*** NOT TESTED against PyYAML: no python3 with PyYAML or pip here. Install python3 and python3-pip. ***\n',
    );
}, 120_000);

afterAll(() => {
  oracle?.stop();
  if (oracle) console.info(`differential test: ${count} documents, ${acceptedByBoth} accepted by both`);
});

const families: [name: string, text: fc.Arbitrary<string>, runs: number][] = [
  ['files of version 2.0', versionTwoText, 8000],
  ['files of version 1.0', versionOneText, 3000],
  ['good files after small accidents', mutatedText, 5000],
  ['noise that LeIndex ignores', ignoredNoiseText, 4500],
];

describe('a text is judged as by LeIndex', () => {
  test.for(families)('%s', { timeout: 120_000 }, async ([, text, runs], { skip }) => {
    const python = oracle ?? skip(NOT_TESTED);
    await fc.assert(
      fc.asyncProperty(text, async (document) => {
        const bytes = encode(document);
        judge({ document, ours: validateConfig(bytes), theirs: await python.ask(bytes) });
      }),
      { seed, numRuns: Math.ceil(runs * scale) },
    );
  });

  test('the list of bad input, but what PyYAML itself cannot bear', { timeout: 120_000 }, async ({ skip }) => {
    const python = oracle ?? skip(NOT_TESTED);
    const unbearable = new Set(['17b']);
    for (const { id, content } of badInputs.filter(
      (input) => !unbearable.has(input.id) && input.content.length < 100_000,
    )) {
      judge({ document: id, ours: validateConfig(content), theirs: await python.ask(content) });
    }
  });

  test('at least 20,000 documents were compared, and a good part accepted by both', ({ skip }) => {
    if (!oracle) skip(NOT_TESTED);
    if (scale < 1) skip('fewer runs were asked for');
    expect(count).toBeGreaterThanOrEqual(20_000);
    expect(acceptedByBoth).toBeGreaterThan(count / 10);
  });
});

describe('a document is read as by PyYAML', () => {
  test.for([
    ['scalars', scalarsText, 4000],
    ['long scalars', longScalarText, 4000],
    ['merge keys', mergeText, 2000],
    ['noise', noiseText, 6000],
    ['noise in a document', ignoredNoiseText, 3000],
  ] as const)('%s: same structure, same types, same values', { timeout: 120_000 }, async ([, text, runs], { skip }) => {
    const python = oracle ?? skip(NOT_TESTED);
    await fc.assert(
      fc.asyncProperty(text, async (document) => {
        const theirs = await python.ask(encode(document), { tree: true });
        const { root, findings } = readYaml(document.replace(/^\ufeff/, '').replace(/\r\n?/g, '\n'));
        if (findings.some(({ rule }) => rules[rule].kind === 'stricter')) return;
        const tree = findings.length > 0 ? null : root ? canonical(root) : ['null'];
        expect(tree).toEqual(sorted(theirs.tree));
      }),
      { seed, numRuns: Math.ceil(runs * scale) },
    );
  });
});

function judge({ document, ours, theirs }: { document: string; ours: ValidationOutcome; theirs: OracleAnswer }): void {
  count += 1;
  if (ours.valid) {
    expect(theirs.why, `accepted here and refused by LeIndex: ${document}`).toBeNull();
    expect(ours.config).toEqual(theirs.config);
    acceptedByBoth += 1;
  } else if (theirs.accepted) {
    const kinds = ours.violations.map(({ rule }) => `${rule}: ${rules[rule as RuleName].kind}`);
    const why = `refused here only, by ${kinds.join(', ')}: ${document}`;
    expect(
      kinds.filter((kind) => kind.endsWith('stricter')),
      why,
    ).not.toEqual([]);
  }
}

/** Our tree in the oracle's form, keys sorted: merge keys are applied in another order than PyYAML's. */
function canonical(node: ConfigNode): unknown {
  if (node.kind === 'sequence') return ['sequence', node.items.map(canonical)];
  if (node.kind === 'mapping')
    return sorted([
      'mapping',
      [...effectivePairs(node).values()].map(({ key, value }) => [canonicalKey(key), canonical(value)]),
    ]);
  const { scalar } = node;
  if (scalar.type === 'integer') return ['integer', Number.isSafeInteger(scalar.value) ? scalar.value : 'big'];
  if (scalar.type === 'float') return ['float', showFloat(scalar.value)];
  return 'value' in scalar ? [scalar.type, scalar.value] : [scalar.type];
}

function canonicalKey(key: ConfigNode): unknown {
  return key.kind === 'scalar' && key.scalar.type === 'default' ? ['string', '='] : canonical(key);
}

function sorted(tree: unknown): unknown {
  if (!Array.isArray(tree)) return tree;
  const [kind, value] = tree as [string, unknown];
  if (kind === 'float')
    return [
      kind,
      typeof value === 'string' ? showFloat(Number(value.replace('inf', 'Infinity').replace('nan', 'NaN'))) : value,
    ];
  if (kind === 'sequence') return [kind, (value as unknown[]).map(sorted)];
  if (kind !== 'mapping') return tree;
  const pairs = (value as [unknown, unknown][]).map(([key, item]) => [sorted(key), sorted(item)]);
  return [kind, pairs.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))];
}

function showFloat(value: number): string {
  return value.toPrecision(12);
}
