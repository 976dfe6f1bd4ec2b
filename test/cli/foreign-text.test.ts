import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import diff from '../../src/cli/diff.ts';
import { showViolation } from '../../src/cli/show-violation.ts';
import validate from '../../src/cli/validate.ts';
import { selectKey } from '../../src/core/select-key.ts';
import { GOOD_TEXT } from '../fixtures/bad-inputs.ts';
import { captureCommand, type Captured } from './capture-command.ts';

/** Sets a terminal's title, clears it, and begins a line of its own; the last is a C1 control. */
const EVIL = '\u001b]0;pwned\u0007\u001b[2J\r\n\u009b2J';
const SHOWN = '\\u001b]0;pwned\\u0007\\u001b[2J\\u000d\\u000a\\u009b2J';

const folder = mkdtempSync(join(tmpdir(), 'leindex-foreign-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string, content: string) => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};
const printed = ({ stdout, stderr }: Captured) => stdout + stderr;
const controls = (text: string) => text.replaceAll('\n', '').match(/\p{Cc}/gu);

describe('foreign text reaches the terminal escaped', () => {
  const manifest = (key: string) =>
    JSON.stringify({
      ...{ apiVersion: 'v1', kind: 'ConfigMap' },
      metadata: { name: EVIL, annotations: { 'reload.leindex.io/enabled': 'true', 'reload.leindex.io/key': key } },
      data: { [`${EVIL}.yaml`]: 'version: 1\n', other: 'x' },
    });

  test.each([
    ['a key that is missing', () => captureCommand(validate, [file('missing.json', manifest(EVIL))])],
    ['a key that is there', () => captureCommand(validate, [file('there.json', manifest(`${EVIL}.yaml`))])],
    ['the name of a file with an invalid text', () => captureCommand(validate, [file(`${EVIL}.yaml`, '# none\n')])],
    ['the name of a file with a valid text', () => captureCommand(validate, [file(`${EVIL}.yaml`, GOOD_TEXT)])],
    ['the name of a file that cannot be read', () => captureCommand(validate, [join(folder, EVIL, 'none.yaml')])],
    [
      'the name of a file to compare',
      () => captureCommand(diff, [file(`${EVIL}.yaml`, '# none\n'), file('a.yaml', GOOD_TEXT)]),
    ],
  ])('%s', async (_name, run) => {
    const text = printed(await run());
    expect(text).toContain(SHOWN);
    expect(controls(text)).toBeNull();
  });

  test.each([
    ['a subcommand', [EVIL]],
    ['a flag', ['validate', `--${EVIL}`]],
    ['a value of a flag', ['validate', '-o', EVIL, 'x.yaml']],
  ])('%s that there is not', (_name, argv) => {
    const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts');
    const { status, stderr } = spawnSync(process.execPath, [main, ...argv], { encoding: 'utf8' });
    expect(status).toBe(2);
    expect(stderr).toContain('\\u001b]0;pwned');
    expect(controls(stderr)).toBeNull();
  });
});

test('the message of a missing key names it escaped: it goes into events and conditions, too', () => {
  const selected = selectKey({ data: { a: '', b: '' } }, EVIL);
  expect(selected).toMatchObject({ found: false, message: expect.stringContaining(`no key ${SHOWN};`) });
});

test('an excerpt escapes the name of its file and its message', () => {
  const violation = { path: '$', rule: 'r', message: EVIL, line: 1, column: 1 };
  const text = showViolation({ violation, kind: 'error', file: EVIL, lines: [], isColoured: false });
  expect(text).toBe(`${SHOWN}:1:1: error: ${SHOWN} [r]\n`);
});
