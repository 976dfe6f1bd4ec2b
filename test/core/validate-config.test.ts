import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { contentHash } from '../../src/core/content-hash.ts';
import { leindexConfigSchema } from '../../src/core/leindex-config.ts';
import { rules, type RuleName } from '../../src/core/rules.ts';
import { validateConfig } from '../../src/core/validate-config.ts';
import type { Violation } from '../../src/core/validation.ts';
import { GOOD_TEXT } from '../fixtures/bad-inputs.ts';
import { mutatedText, noiseText, versionOneText, versionTwoText } from '../fixtures/config-arbitraries.ts';

const DEFAULTS = {
  version: '2.0',
  memory: {
    total_budget_mb: 3072,
    global_index_mb: 512,
    warning_threshold_percent: 80,
    prompt_threshold_percent: 93,
    emergency_threshold_percent: 98,
  },
  projects: { estimated_mb: 256, priority: 'normal', max_file_size: 5242880 },
  performance: { cache_enabled: true, cache_ttl_seconds: 300, parallel_workers: 4, batch_size: 50 },
};

const violationsOf = (text: string): readonly Violation[] => {
  const outcome = validateConfig(text);
  return outcome.valid ? [] : outcome.violations;
};
const warningsOf = (text: string) => validateConfig(text).warnings;
const configOf = (text: string) => {
  const outcome = validateConfig(text);
  if (!outcome.valid) throw new Error(JSON.stringify(outcome.violations));
  return outcome.config;
};
const memory = (...lines: string[]) =>
  `version: "2.0"\nmemory:\n${lines.map((line) => `  ${line}\n`).join('')}projects: {}\nperformance: {}\n`;

describe('an accepted text', () => {
  test('runs on its values laid over the defaults', () => {
    expect(configOf(GOOD_TEXT)).toEqual(DEFAULTS);
    expect(configOf(memory('total_budget_mb: 4096'))).toEqual({
      ...DEFAULTS,
      memory: { ...DEFAULTS.memory, total_budget_mb: 4096 },
    });
  });

  test('gives an outcome that nobody can change, at any depth', () => {
    const outcome = validateConfig(`${GOOD_TEXT}x: 1\n`);
    if (!outcome.valid) throw new Error('unreachable');
    const parts = [
      outcome,
      outcome.config,
      outcome.config.memory,
      outcome.config.projects,
      outcome.config.performance,
      outcome.warnings,
      outcome.warnings[0],
    ];
    expect(parts.map((part) => Object.isFrozen(part))).toEqual(parts.map(() => true));
  });

  test('has the hash of exactly its bytes', () => {
    const bytes = new TextEncoder().encode(`\ufeff${GOOD_TEXT}`);
    expect(validateConfig(bytes).hash).toBe(contentHash(bytes));
    expect(validateConfig(GOOD_TEXT).hash).not.toBe(contentHash(bytes));
  });

  test('leaves the prototypes of JavaScript alone', () => {
    validateConfig(`${GOOD_TEXT}__proto__: {polluted: 1}\nconstructor: {prototype: {polluted: 1}}\n`);
    validateConfig(memory('__proto__: {polluted: 1}'));
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    expect(Object.keys(configOf(`${GOOD_TEXT}__proto__: {x: 1}\n`))).toEqual(Object.keys(DEFAULTS));
  });
});

describe('a refused text', () => {
  test('has all its violations at once, in the order of the text, each at its place', () => {
    const text =
      'version: "2.0"\nmemory:\n  total_budget_mb: 100\n  total_budget_MB: 5\n  global_index_mb: yes\n  global_index_mb: 200\nprojects: {priority: urgent, estimated_mb: "7"}\n';
    expect(violationsOf(text).map(({ path, rule, line, column }) => [path, rule, line, column])).toEqual([
      ['performance', 'missing-section', 1, 1],
      ['memory.total_budget_mb', 'range', 3, 20],
      ['memory', 'unknown-key', 4, 3],
      ['memory.global_index_mb', 'duplicate-key', 6, 3],
      ['projects.priority', 'choice', 7, 22],
      ['projects.estimated_mb', 'type', 7, 44],
    ]);
  });

  test.each<[string, string, string]>([
    [
      'out of range',
      'total_budget_mb: 100',
      'memory.total_budget_mb is 100; valid is a whole number from 512 to 65536',
    ],
    [
      'text for a number',
      'total_budget_mb: "4096"',
      'memory.total_budget_mb is the text "4096"; valid is a whole number from 512 to 65536',
    ],
    [
      'nothing',
      'total_budget_mb:',
      'memory.total_budget_mb is empty (null); valid is a whole number from 512 to 65536',
    ],
    ['a list', 'total_budget_mb: [1]', 'memory.total_budget_mb is a list; valid is a whole number from 512 to 65536'],
    [
      'a misspelt key',
      'total_buget_mb: 4096',
      '"total_buget_mb" is not known in memory; did you mean total_budget_mb?',
    ],
    ['a short form of a key', 'totl: 4096', '"totl" is not known in memory; did you mean total_budget_mb?'],
    [
      'thresholds',
      'warning_threshold_percent: 95',
      'warning_threshold_percent 95 is not below prompt_threshold_percent 93 (the default); valid is warning < prompt < emergency',
    ],
    [
      'the share of the index',
      'total_budget_mb: 8192',
      'global_index_mb 512 (the default) is not 10 % to 50 % of total_budget_mb 8192; valid is 820 to 4096',
    ],
  ])('says what is wrong and what would be valid: %s', (_, line, message) => {
    expect(violationsOf(memory(line)).map((violation) => violation.message)).toEqual([message]);
  });

  test('breaks the rules across fields beside others, where the fields concerned are right by themselves', () => {
    const rulesOf = (line: string) => violationsOf(memory(line, 'unknown: 1')).map(({ rule }) => rule);
    expect(rulesOf('warning_threshold_percent: 95')).toEqual(['threshold-order', 'unknown-key']);
    expect(rulesOf('warning_threshold_percent: 96')).toEqual(['range', 'unknown-key']);
    expect(rulesOf('total_budget_mb: 8192')).toEqual(['index-share', 'unknown-key']);
    expect(rulesOf('total_budget_mb: "8192"')).toEqual(['type', 'unknown-key']);
  });

  test('has the path of what is wrong below a key that LeIndex ignores, without what may not be shown', () => {
    const text = `${GOOD_TEXT}notes:\n- when: 2024-02-30\n- "a b": {x: 1, x: 2}\n`;
    expect(violationsOf(text).map(({ path, rule }) => [path, rule])).toEqual([
      ['notes[0].when', 'scalar-value'],
      ['notes[1].?.x', 'duplicate-key'],
    ]);
  });

  test('shows the value of a field of the schema, escaped and cut', () => {
    const [{ message } = { message: '' }] = violationsOf(
      `version: "2.0"\nmemory: {}\nprojects: {priority: "\\e[31m\\n${'x'.repeat(99)}"}\nperformance: {}\n`,
    );
    expect(message).toContain('\\u001b[31m\\u000a');
    expect(message.length).toBeLessThan(200);
  });

  test('of more than a hundred violations names the first hundred and counts the rest', () => {
    const violations = violationsOf(memory(...Array.from({ length: 150 }, (_, at) => `k${at}: 1`)));
    expect(violations).toHaveLength(101);
    expect(violations.at(-1)?.message).toBe('and 50 more from here on');
  });

  test('is refused by its size before it is read, at the limit that was asked for', () => {
    expect(validateConfig(GOOD_TEXT, { maxBytes: GOOD_TEXT.length }).valid).toBe(true);
    expect(validateConfig(GOOD_TEXT, { maxBytes: GOOD_TEXT.length - 1 })).toMatchObject({
      violations: [{ rule: 'too-large' }],
    });
    expect(validateConfig(`${GOOD_TEXT}#${'x'.repeat(262_144)}`, { maxBytes: 1e9 })).toMatchObject({
      violations: [{ rule: 'too-large' }],
    });
  });

  test('names the offset, line and column of the byte that is not UTF-8, or NUL', () => {
    expect(validateConfig(Uint8Array.of(35, 32, 0xc3, 0xa9, 0xff))).toMatchObject({
      violations: [{ message: expect.stringContaining('offset 4'), line: 1, column: 4 }],
    });
    expect(validateConfig('a: 1\r\n# \0')).toMatchObject({
      violations: [{ message: expect.stringContaining('offset 8'), line: 2, column: 3 }],
    });
  });

  test('says to quote the version, to add it, or to correct it', () => {
    expect(violationsOf(GOOD_TEXT.replace('"2.0"', '2.0'))[0]?.message).toContain('write version: "2.0"');
    expect(violationsOf(GOOD_TEXT.replace('version: "2.0"\n', ''))[0]?.message).toContain(
      'write version: "2.0" as the first line',
    );
    expect(violationsOf(GOOD_TEXT.replace('2.0', '1.0'))[0]?.message).toContain('write version: "2.0"');
  });
});

describe('the columns of a text', () => {
  test.each([
    ['after a byte order mark', `\ufeff${memory('total_budget_mb: 1')}`],
    ['with CRLF', memory('total_budget_mb: 1').replaceAll('\n', '\r\n')],
    ['with CR', memory('total_budget_mb: 1').replaceAll('\n', '\r')],
  ])('%s are those an editor shows', (_, text) => {
    expect(violationsOf(text)).toMatchObject([{ line: 3, column: 20 }]);
  });

  test('count UTF-16 code units', () => {
    expect(
      violationsOf('version: "2.0"\nmemory: {}\nprojects: {"😀": 1, priority: x}\nperformance: {}\n'),
    ).toMatchObject([
      { rule: 'unknown-key', column: 12 },
      { rule: 'choice', column: 31 },
    ]);
  });
});

describe('version 1.0', () => {
  test('each flat key goes to its place', () => {
    const text = [
      'memory_settings: {total_mb: 4096, global_index_mb: 1024, warning_threshold: 70, prompt_threshold: 85, emergency_threshold: 95}',
      'project_memory_mb: 64',
      'max_file_size: 2048',
      'cache_enabled: no',
      'cache_ttl: 60',
      'max_workers: 8',
      'batch_size: 100',
    ].join('\n');
    const expected = {
      version: '2.0',
      memory: {
        total_budget_mb: 4096,
        global_index_mb: 1024,
        warning_threshold_percent: 70,
        prompt_threshold_percent: 85,
        emergency_threshold_percent: 95,
      },
      projects: { estimated_mb: 64, priority: 'normal', max_file_size: 2048 },
      performance: { cache_enabled: false, cache_ttl_seconds: 60, parallel_workers: 8, batch_size: 100 },
    };
    expect(configOf(text)).toEqual(expected);
    expect(configOf(`version: "1.0"\n${text}`)).toEqual(expected);
  });

  test('violations name the key as it is written', () => {
    expect(violationsOf('memory_settings: {total_mb: 1}\nmax_workers: 99\n').map(({ path }) => path)).toEqual([
      'memory_settings.total_mb',
      'max_workers',
    ]);
    expect(violationsOf('memory_settings: {warning_threshold: 95}\n')).toMatchObject([
      {
        path: 'memory_settings.warning_threshold',
        message: expect.stringContaining('warning_threshold 95 is not below prompt_threshold_percent 93 (the default)'),
      },
    ]);
  });

  test('warnings name the version and every value that is dropped, with the nearest known key', () => {
    const warnings = warningsOf(
      'max_workers: 4\npriority: high\nmax_worker: 2\nmemory_settings: {total: 4096, total_mb: 4096}\n',
    );
    expect(warnings.map(({ rule, path, line, column }) => [rule, path, line, column])).toEqual([
      ['migrated-version', 'version', 1, 1],
      ['dropped-value', '$', 2, 1],
      ['dropped-value', '$', 3, 1],
      ['dropped-value', 'memory_settings', 4, 19],
    ]);
    expect(warnings.map(({ message }) => message).slice(1)).toEqual([
      '"priority" is dropped by the migration from 1.0',
      '"max_worker" is dropped by the migration from 1.0; did you mean max_workers?',
      '"total" is dropped by the migration from 1.0; did you mean total_mb?',
    ]);
  });
});

describe('warnings', () => {
  test.each([
    [
      'a section that is misspelt, beside a good one',
      'memroy: {}',
      '"memroy" is ignored by LeIndex; did you mean memory?',
    ],
    [
      'a key of 1.0',
      'max_workers: 4',
      '"max_workers" is ignored by LeIndex; it is a key of version 1.0, and this is a 2.0 file',
    ],
    [
      'a key that is no name',
      '"a b": 1',
      'a key that is no plain name is ignored by LeIndex; the known keys are version, memory, projects, performance',
    ],
    [
      'a key that could be a token',
      'ghp_S3cretTokenValue123: 1',
      'a key that is no plain name is ignored by LeIndex; the known keys are version, memory, projects, performance',
    ],
  ])('%s', (_, line, message) => {
    expect(warningsOf(`${GOOD_TEXT}${line}\n`)).toMatchObject([
      { rule: 'unknown-top-level-key', line: 5, column: 1, message },
    ]);
  });

  test('a number that YAML 1.1 reads otherwise than people do', () => {
    const text = GOOD_TEXT.replace(
      'performance: {}',
      'performance: {parallel_workers: 017, cache_ttl_seconds: 1:30, batch_size: 50}',
    );
    expect(configOf(text).performance).toMatchObject({ parallel_workers: 15, cache_ttl_seconds: 90 });
    expect(warningsOf(text).map(({ rule, message }) => [rule, message])).toEqual([
      ['unusual-number', 'performance.parallel_workers is written 017, which YAML 1.1 reads as 15; better write 15'],
      ['unusual-number', 'performance.cache_ttl_seconds is written 1:30, which YAML 1.1 reads as 90; better write 90'],
    ]);
  });
});

describe('properties', () => {
  const anyText = fc.oneof(versionTwoText, versionOneText, mutatedText, noiseText, fc.string({ unit: 'binary' }));

  test('every text gets an outcome: known rules, places inside the text, in order', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const outcome = validateConfig(text);
        const lines = text.split(/\r\n?|\n/);
        const found = [...outcome.warnings, ...(outcome.valid ? [] : outcome.violations)];
        for (const { rule, line, column, message } of found) {
          expect(Object.keys(rules)).toContain(rule satisfies string as RuleName);
          expect(line).toBeLessThanOrEqual(lines.length);
          expect(column).toBeLessThanOrEqual(lines[line - 1]!.length + 1);
          expect(message).not.toMatch(/\p{Cc}|\p{Zl}|\p{Zp}/u);
        }
        if (!outcome.valid)
          expect(outcome.violations.map(({ line }) => line)).toEqual(
            outcome.violations.map(({ line }) => line).sort((a, b) => a - b),
          );
      }),
      { numRuns: 3000 },
    );
  });

  test('any bytes get an outcome', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        expect(validateConfig(bytes).hash).toBe(contentHash(bytes));
      }),
      { numRuns: 2000 },
    );
  });

  test('effective values are in their ranges and hold the rules across fields', () => {
    fc.assert(
      fc.property(fc.oneof(versionTwoText, versionOneText), (text) => {
        const outcome = validateConfig(text);
        if (!outcome.valid) return;
        const { memory: m, ...config } = outcome.config;
        for (const [section, fields] of Object.entries({
          memory: m,
          projects: config.projects,
          performance: config.performance,
        })) {
          const properties = leindexConfigSchema.properties[section as 'memory'].properties as Record<
            string,
            { minimum?: number; maximum?: number }
          >;
          for (const [name, value] of Object.entries(fields as object)) {
            const { minimum, maximum } = properties[name]!;
            if (minimum !== undefined)
              expect(Number.isInteger(value) && value >= minimum && value <= maximum!).toBe(true);
          }
        }
        expect(
          m.warning_threshold_percent < m.prompt_threshold_percent &&
            m.prompt_threshold_percent < m.emergency_threshold_percent,
        ).toBe(true);
        expect(m.global_index_mb * 10 >= m.total_budget_mb && m.global_index_mb * 2 <= m.total_budget_mb).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  test('a text and its effective values, written as JSON, are one configuration', () => {
    fc.assert(
      fc.property(fc.oneof(versionTwoText, versionOneText), (text) => {
        const outcome = validateConfig(text);
        if (outcome.valid) expect(configOf(JSON.stringify(outcome.config))).toEqual(outcome.config);
      }),
      { numRuns: 1000 },
    );
  });

  test('text that is no value of the schema is never shown', () => {
    const secret = 'hunter2-s3cr3t';
    const place = fc.constantFrom(
      `${GOOD_TEXT}token: ${secret}\n`,
      memory(`api_token: ${secret}`),
      memory(`"${secret} x": 1`),
      memory(`total_budget_mb: 1`, `nested: {a: [${secret}]}`),
      `max_workers: 4\npassword: ${secret}\n`,
      `${GOOD_TEXT}a: &${secret} 1\n`,
      `${GOOD_TEXT}# ${secret}\n`,
      `${GOOD_TEXT}a: !${secret} x\n`,
      `${GOOD_TEXT}a: "${secret}\n`,
      `{${secret}: {${secret}: 1}}`,
    );
    fc.assert(
      fc.property(
        place,
        fc.nat(),
        fc.constantFrom('', '\t', '\u0007', '"', '*', '\\', '- ', ': ', '\u202e', '\n'),
        (text, at, accident) => {
          const cut = at % (text.length + 1);
          const outcome = validateConfig(text.slice(0, cut) + accident + text.slice(cut));
          const shown = JSON.stringify([outcome.warnings, outcome.valid ? [] : outcome.violations]);
          // A key's name may be shown where it looks like one; values and everything else may not.
          expect(shown.replaceAll(`\\"${secret}\\"`, '')).not.toContain(secret);
        },
      ),
      { numRuns: 2000 },
    );
  });
});
