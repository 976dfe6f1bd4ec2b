import { execFile } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, inject, test } from 'vitest';
import { normaliseOutput } from './normalise-output.ts';

const root = join(import.meta.dirname, '..', '..');

/** Events of one second come in any order. */
const sorted = (lines: string[]) => lines.toSorted();

test('the README shows what the demo shows', async ({ skip }) => {
  if ('missing' in inject('node')) skip('no node can run here');
  const record = join(tmpdir(), `leindex-reloader-demo-${process.pid}.txt`);
  try {
    await promisify(execFile)(process.execPath, [join(root, 'test', 'demo', 'demo.ts'), '--record', record], {
      cwd: root,
    });
    const readme = await readFile(join(root, 'README.md'), 'utf8');
    const shown = /runs it and compares\):\n\n```\n([^]*?)\n```/.exec(readme)?.[1];
    expect(sorted(normaliseOutput(await readFile(record, 'utf8')))).toEqual(sorted(normaliseOutput(shown ?? '')));
  } finally {
    await rm(record, { force: true });
  }
});
