import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import diff from '../../src/cli/diff.ts';
import { GOOD_TEXT } from '../fixtures/bad-inputs.ts';
import { captureCommand } from './capture-command.ts';

const folder = mkdtempSync(join(tmpdir(), 'leindex-diff-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string, content: string) => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};
const before = file('before.yaml', GOOD_TEXT);
const after = file(
  'after.yaml',
  'version: "2.0"\nmemory: {total_budget_mb: 4096}\nprojects: {priority: high}\nperformance: {cache_enabled: no}\n',
);

test('names each effective value that differs, in the order of the schema', async () => {
  expect(await captureCommand(diff, [before, after])).toEqual({
    exitCode: 0,
    stdout:
      'memory.total_budget_mb: 3072 → 4096\nprojects.priority: normal → high\nperformance.cache_enabled: true → false\n',
    stderr: '',
  });
});

test('-o json prints the changes', async () => {
  const { stdout } = await captureCommand(diff, ['-o', 'json', before, after]);
  expect(JSON.parse(stdout)).toEqual([
    { path: 'memory.total_budget_mb', from: 3072, to: 4096 },
    { path: 'projects.priority', from: 'normal', to: 'high' },
    { path: 'performance.cache_enabled', from: true, to: false },
  ]);
});

test('says so where nothing differs, though the texts do', async () => {
  const { stdout, exitCode } = await captureCommand(diff, [before, '-'], { stdin: `# the same\n${GOOD_TEXT}` });
  expect([stdout, exitCode]).toEqual(['no effective value differs\n', 0]);
});

test('compares a file with a ConfigMap', async () => {
  const manifest = JSON.stringify({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'a' },
    data: { x: GOOD_TEXT },
  });
  expect(await captureCommand(diff, [before, '-'], { stdin: manifest })).toMatchObject({
    exitCode: 0,
    stdout: 'no effective value differs\n',
  });
});

test('exits with 1 and says why where one is invalid', async () => {
  const { exitCode, stdout, stderr } = await captureCommand(diff, [before, '-'], { stdin: 'version: "3.0"\n' });
  expect([exitCode, stdout]).toEqual([1, '']);
  expect(stderr).toContain('standard input:1:10: error: version is the text "3.0"');
});

test.each([
  ['one argument', [before], 2],
  ['standard input twice', ['-', '-'], 2],
  ['a file that is not there', [before, join(folder, 'none')], 3],
])('%s', async (_, argv, exitCode) => {
  expect((await captureCommand(diff, argv)).exitCode).toBe(exitCode);
});

test('a manifest with two ConfigMaps is one too many', async () => {
  const map = `apiVersion: v1\nkind: ConfigMap\ndata: {x: ""}\n`;
  expect(await captureCommand(diff, [before, '-'], { stdin: `${map}---\n${map}` })).toMatchObject({ exitCode: 2 });
});
