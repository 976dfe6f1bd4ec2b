import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { judgeSource } from '../../src/admission/judge-source.ts';
import { readConfigMapText } from '../../src/cli/read-config-map.ts';
import validate from '../../src/cli/validate.ts';
import { contentHash } from '../../src/core/content-hash.ts';
import { validateConfig } from '../../src/core/validate-config.ts';
import { badInputs, GOOD_TEXT } from '../fixtures/bad-inputs.ts';
import { captureCommand } from './capture-command.ts';

const folder = mkdtempSync(join(tmpdir(), 'leindex-validate-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string, content: string | Uint8Array) => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};
const json = async (argv: string[], stdin?: string | Uint8Array) => {
  const { stdout, exitCode } = await captureCommand(
    validate,
    ['-o', 'json', ...argv],
    stdin === undefined ? {} : { stdin },
  );
  return { exitCode, entries: JSON.parse(stdout) as any[] };
};
const BAD_TEXT = 'version: "2.0"\nmemory:\n  total_budget_mb: 100\nprojects: {}\nperformance: {}\n';

/** A ConfigMap manifest with this text as a block value. */
const manifest = (name: string, text: string, { key = 'mcp_config.yaml', indicator = '|', annotations = '' } = {}) =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n  namespace: demo\n${annotations}data:\n  ${key}: ${indicator}\n${text.replace(/^(?=.)/gm, '    ')}`;

describe('text output', () => {
  test('a valid file: its name and hash, exit code 0', async () => {
    const path = file('good.yaml', GOOD_TEXT);
    expect(await captureCommand(validate, [path])).toEqual({
      exitCode: 0,
      stdout: `${path}: valid ${contentHash(GOOD_TEXT)}\n`,
      stderr: '',
    });
  });

  test('an invalid file: place, message, rule, the line and a caret below the value, exit code 1', async () => {
    const path = file('bad.yaml', BAD_TEXT);
    const { exitCode, stdout } = await captureCommand(validate, [path]);
    expect(exitCode).toBe(1);
    expect(stdout.split('\n').slice(0, 4)).toEqual([
      `${path}:3:20: error: memory.total_budget_mb is 100; valid is a whole number from 512 to 65536 [range]`,
      '    3 |   total_budget_mb: 100',
      '      |                    ^',
      `${path}: invalid: 1 violation`,
    ]);
  });

  test('a line with terminal escapes and a far column: escaped, cut, and the caret still below the place', async () => {
    const line = `projects: {"${'é'.repeat(60)}\u202e": 1, priority: HIGH, "a": "\\e"}`;
    const { stdout } = await captureCommand(validate, ['-'], {
      stdin: `version: "2.0"\nmemory: {}\n${line.replace('\u202e', '')}\nperformance: {}\n`,
    });
    const shown = stdout.split('\n');
    const at = shown.findIndex((one) => one.includes('[choice]'));
    expect(shown[at + 1]!.slice(shown[at + 2]!.indexOf('^')).startsWith('HIGH')).toBe(true);
    const hidden = await captureCommand(validate, ['-'], { stdin: line });
    expect(hidden.stdout).not.toContain('\u202e');
    expect(hidden.stdout).toContain('\\u202e');
  });

  test('colours on a terminal only', async () => {
    expect((await captureCommand(validate, ['-'], { stdin: BAD_TEXT, isTTY: true })).stdout).toContain('\u001b[31m');
    expect((await captureCommand(validate, ['-'], { stdin: BAD_TEXT })).stdout).not.toContain('\u001b');
  });

  test('--effective prints a file that is valid and has the same values', async () => {
    const { stdout } = await captureCommand(validate, ['--effective', '-'], { stdin: 'max_workers: 8\n' });
    const effective = stdout.slice(stdout.lastIndexOf('version:'));
    expect(validateConfig(effective)).toMatchObject({
      valid: true,
      warnings: [],
      config: { version: '2.0', performance: { parallel_workers: 8 } },
    });
  });
});

describe('-o json', () => {
  test('an entry a text with exactly the fields of the contract', async () => {
    const { entries, exitCode } = await json([file('good.yaml', GOOD_TEXT), file('bad.yaml', BAD_TEXT)]);
    expect(exitCode).toBe(1);
    expect(entries.map((entry) => Object.keys(entry))).toEqual(
      Array(2).fill(['source', 'valid', 'hash', 'violations', 'warnings']),
    );
    expect(entries[1].violations).toEqual([
      { path: 'memory.total_budget_mb', rule: 'range', message: expect.any(String), line: 3, column: 20 },
    ]);
  });

  test('--effective adds the effective values of valid texts', async () => {
    const { entries } = await json(['--effective', '-'], GOOD_TEXT);
    expect(entries[0].config).toMatchObject({ version: '2.0', memory: { total_budget_mb: 3072 } });
  });
});

describe('manifests', () => {
  test('each ConfigMap of several documents is one entry, other objects are passed over, and lines are those of the manifest', async () => {
    const text = `apiVersion: v1\nkind: Service\nmetadata: {name: x}\n---\n${manifest('a', GOOD_TEXT)}---\n${manifest('b', BAD_TEXT)}`;
    const path = file('manifest.yaml', text);
    const { entries } = await json([path]);
    expect(entries.map(({ source, valid, hash }) => [source, valid, hash])).toEqual([
      [`${path} (ConfigMap demo/a, key mcp_config.yaml)`, true, contentHash(GOOD_TEXT)],
      [`${path} (ConfigMap demo/b, key mcp_config.yaml)`, false, contentHash(BAD_TEXT)],
    ]);
    const [{ line, column }] = entries[1].violations;
    expect(text.split('\n')[line - 1]!.slice(column - 1)).toBe('100');
  });

  test('lines are those of the manifest with blank lines, an indentation indicator and CRLF as well', async () => {
    const text = manifest('a', `\n\n${BAD_TEXT}`, { indicator: '|2-' })
      .replace(/^ {4}/gm, '    ')
      .replaceAll('\n', '\r\n');
    const { entries } = await json(['-'], text);
    const [{ line, column }] = entries[0].violations;
    expect(text.split('\r\n')[line - 1]!.slice(column - 1)).toBe('100');
  });

  test('lines are those of the value, and the source says so, where the manifest holds it in quotes', async () => {
    const text = `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  x.yaml: ${JSON.stringify(BAD_TEXT)}\n`;
    const { entries } = await json(['-'], text);
    expect(entries[0].source).toBe('standard input (ConfigMap a, key x.yaml); lines within the value');
    expect(entries[0].violations[0]).toMatchObject({ line: 3, column: 20 });
  });

  test('a List and JSON, as kubectl get -o prints them', async () => {
    const map = (name: string) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name },
      data: { 'x.yaml': GOOD_TEXT },
    });
    const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [map('a'), map('b')] });
    expect((await json(['-'], list)).entries.map(({ valid }) => valid)).toEqual([true, true]);
  });

  test('binaryData is decoded', async () => {
    const text = `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\nbinaryData:\n  x: ${Buffer.from(GOOD_TEXT).toString('base64')}\n`;
    expect((await json(['-'], text)).entries).toMatchObject([{ valid: true, hash: contentHash(GOOD_TEXT) }]);
  });

  test('the key annotation chooses the key', async () => {
    const annotations = '  annotations:\n    reload.leindex.io/key: b\n';
    const text = manifest('a', BAD_TEXT, { key: 'a.yaml', annotations }) + `  b: ${JSON.stringify(GOOD_TEXT)}\n`;
    expect((await json(['-'], text)).entries).toMatchObject([{ valid: true }]);
  });

  test.each([
    ['the only key', { whatever: GOOD_TEXT }, true],
    ['the only yaml key', { 'notes.txt': 'x', 'x.yaml': GOOD_TEXT }, true],
    ['mcp_config.yaml among several', { 'a.yaml': 'x', 'mcp_config.yaml': GOOD_TEXT }, true],
    ['none of several', { 'a.yaml': GOOD_TEXT, 'b.yaml': GOOD_TEXT }, false],
    ['none at all', {}, false],
  ])('without it: %s', async (_, data, valid) => {
    const text = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data });
    const { entries, exitCode } = await json(['-'], text);
    expect(entries[0].valid).toBe(valid);
    expect(entries[0].violations.map(({ rule }: { rule: string }) => rule)).toEqual(valid ? [] : ['key-missing']);
    expect(exitCode).toBe(valid ? 0 : 1);
  });

  test.each([
    ['without a ConfigMap', 'apiVersion: v1\nkind: Service\n'],
    ['that is not YAML', 'apiVersion: v1\nkind: ConfigMap\ndata: [\n'],
  ])('a manifest %s is invalid', async (_, text) => {
    const { entries, exitCode } = await json(['-'], text);
    expect(entries).toMatchObject([{ valid: false, hash: null, violations: [{ rule: 'manifest' }] }]);
    expect(exitCode).toBe(1);
  });
});

describe('the annotations of a ConfigMap', () => {
  const annotated = (annotations: Record<string, string>, text = GOOD_TEXT) => {
    const lines = Object.entries(annotations).map(([name, value]) => `    reload.leindex.io/${name}: "${value}"\n`);
    return manifest('a', text, { annotations: `  annotations:\n${lines.join('')}` });
  };
  const rulesOf = (found: any[]) => found.map(({ rule }: { rule: string }) => rule);

  test('that cannot be read are violations, placed in the manifest, before those of the text', async () => {
    const text = annotated({ enabled: 'true', timeout: '5x', canary: '-1' }, BAD_TEXT);
    const { entries, exitCode } = await json(['-'], text);
    expect(exitCode).toBe(1);
    expect(entries).toMatchObject([{ valid: false, hash: contentHash(BAD_TEXT), warnings: [] }]);
    expect(entries[0].violations[0]).toEqual({
      path: 'metadata.annotations[reload.leindex.io/timeout]',
      rule: 'invalid-annotation',
      message: 'annotation reload.leindex.io/timeout: "5x" cannot be read; it must be a duration from 1s to 10m',
      line: 8,
      column: 32,
    });
    expect(rulesOf(entries[0].violations)).toEqual(['invalid-annotation', 'invalid-annotation', 'range']);
    const { stdout } = await captureCommand(validate, ['--effective', '-'], {
      stdin: annotated({ enabled: 'true', timeout: '5x' }),
    });
    expect(stdout).toBe(
      [
        'standard input:8:32: error: annotation reload.leindex.io/timeout: "5x" cannot be read; it must be a duration from 1s to 10m [invalid-annotation]',
        '    8 |     reload.leindex.io/timeout: "5x"',
        '      |                                ^',
        'standard input (ConfigMap demo/a, key mcp_config.yaml): invalid: 1 violation\n',
      ].join('\n'),
    );
  });

  test('that are not known are warnings', async () => {
    const { entries, exitCode } = await json(['-'], annotated({ enabled: 'true', 'on-failuer': 'halt' }));
    expect(exitCode).toBe(0);
    expect(entries).toMatchObject([{ valid: true, violations: [] }]);
    expect(entries[0].warnings).toEqual([
      {
        path: 'metadata.annotations[reload.leindex.io/on-failuer]',
        rule: 'unknown-annotation',
        message: 'annotation reload.leindex.io/on-failuer is not known; did you mean on-failure?',
        line: 8,
        column: 35,
      },
    ]);
  });

  test('are told of in the words of the admission webhook', async () => {
    const told = async (annotations: Record<string, string>) => {
      const named = Object.entries(annotations).map(([name, value]) => [`reload.leindex.io/${name}`, value]);
      const source = { annotations: Object.fromEntries(named), data: { 'mcp_config.yaml': GOOD_TEXT } };
      return judgeSource(source, (content) => Promise.resolve(validateConfig(content)));
    };
    for (const annotations of [
      { enabled: 'true', timeout: '5x', 'batch-size': '0%', selector: '' },
      { enabled: 'true', strategi: 'auto', timeout: '5s' },
      { enabled: 'true', strategi: 'auto', key: 'none' },
      { enabled: 'yes', timeout: '5x' },
    ]) {
      const { entries } = await json(['-'], annotated(annotations));
      const { allowed, message, warnings } = await told(annotations);
      const messages = (found: any[]) => found.map(({ message: one }: { message: string }) => one);
      expect(entries[0].valid).toBe(allowed);
      expect(messages(entries[0].violations).join('; ')).toBe(message);
      expect(messages(entries[0].warnings)).toEqual(warnings);
    }
  });

  test('do not matter where it has not opted in', async () => {
    for (const enabled of ['false', 'True', '']) {
      const { entries, exitCode } = await json(['-'], annotated({ enabled, timeout: '5x', typo: 'x' }));
      expect(exitCode).toBe(0);
      expect(entries).toMatchObject([{ valid: true, violations: [], warnings: [] }]);
    }
  });

  test('are placed in the manifest where the text is not', async () => {
    const object = {
      ...{ apiVersion: 'v1', kind: 'ConfigMap' },
      metadata: { name: 'a', annotations: { 'reload.leindex.io/enabled': 'true', 'reload.leindex.io/canary': 'few' } },
      data: { 'x.yaml': BAD_TEXT },
    };
    const text = JSON.stringify(object, null, 2);
    const { stdout } = await captureCommand(validate, ['-'], { stdin: text });
    const at = text.split('\n').findIndex((line) => line.includes('canary'));
    expect(stdout).toContain(`standard input:${at + 1}:35: error: annotation reload.leindex.io/canary: "few"`);
    expect(stdout).toContain(`${at + 1} |       "reload.leindex.io/canary": "few"`);
    expect(stdout).toContain('(ConfigMap a, key x.yaml):3:20: error: memory');
  });

  test('show no control character of a key that is not there', async () => {
    const { stdout } = await captureCommand(validate, ['-'], { stdin: annotated({ enabled: 'true', key: '\\e[31m' }) });
    expect(stdout).toMatch(/\[invalid-annotation\][^]*there is no key \\u001b\[31m;/);
    expect(stdout).not.toContain('\u001b');
  });

  test('count in the cluster too, and the key that they name is looked at whatever else is wrong', async () => {
    const body = {
      metadata: {
        annotations: {
          'reload.leindex.io/enabled': 'true',
          'reload.leindex.io/timeout': '5x',
          'reload.leindex.io/key': 'b',
        },
      },
      data: { 'a.yaml': BAD_TEXT, b: GOOD_TEXT },
    };
    const access = { namespace: 'demo', client: { request: () => Promise.resolve({ body }) } } as never;
    const input = await readConfigMapText(access, { name: 'a', key: undefined }, new AbortController().signal);
    expect(input).toMatchObject({
      source: 'ConfigMap demo/a, key b',
      content: Buffer.from(GOOD_TEXT),
      annotations: {
        file: 'ConfigMap demo/a',
        violations: [{ rule: 'invalid-annotation', message: expect.stringContaining('"5x" cannot be read'), line: 1 }],
        warnings: [],
      },
    });
  });
});

describe('exit codes', () => {
  test('2 for usage', async () => {
    expect((await captureCommand(validate, [])).exitCode).toBe(2);
    expect((await captureCommand(validate, ['-o', 'xml', '-'])).exitCode).toBe(2);
  });

  test('3 where a file cannot be read, after judging the others', async () => {
    const { exitCode, stdout, stderr } = await captureCommand(validate, [
      join(folder, 'none.yaml'),
      folder,
      file('bad.yaml', BAD_TEXT),
    ]);
    expect(exitCode).toBe(3);
    expect(stderr).toMatch(/none\.yaml.*ENOENT[^]*EISDIR/);
    expect(stdout).toContain('invalid: 1 violation');
  });

  test('--help prints the usage and exits with 0', async () => {
    expect(await captureCommand(validate, ['--help'])).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('--effective'),
    });
  });
});

test('bad input, on the command line: every case is judged as by the library', { timeout: 120_000 }, async () => {
  const paths = badInputs.map(({ content }, at) => file(`case-${at}.yaml`, content));
  const { entries } = await json(paths);
  expect(entries.map(({ valid }, at) => [badInputs[at]!.id, valid])).toEqual(
    badInputs.map(({ id, expect: expected }) => [id, expected.valid]),
  );
  for (const [at, { expect: expected }] of badInputs.entries()) {
    if (expected.rule !== undefined)
      expect(entries[at].violations.map(({ rule }: { rule: string }) => rule)).toContain(expected.rule);
  }
});
