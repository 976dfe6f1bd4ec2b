import { execFile } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, inject, test } from 'vitest';

const root = join(import.meta.dirname, '..', '..');

/** What differs from run to run: names, times, ages, ids, versions, and the width of columns that hold them. */
function normalise(text: string): string[] {
  return text
    .replace(/by-(signal|endpoint)-[a-z0-9]+-[a-z0-9]{5}/g, 'by-$1-*')
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '<uid>')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>')
    .replace(/containerd:\/\/[0-9a-f]+/g, 'containerd://<id>')
    .replace(/(Resource Version:\s+)\d+/g, '$1<n>')
    .replace(/(Duration Ms:\s+)\d+/g, '$1<n>')
    .replace(/\b\d+(\.\d+)? ?(ms|s)\b/g, '<duration>')
    .split('\n')
    .map((line) => line.replace(/\s+/g, ' ').trim())
    .filter((line) => line !== '');
}

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
    expect(sorted(normalise(await readFile(record, 'utf8')))).toEqual(sorted(normalise(shown ?? '')));
  } finally {
    await rm(record, { force: true });
  }
});
