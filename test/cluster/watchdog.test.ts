import { existsSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { isRunning, type ProcessId } from './process-id.ts';
import { startInChild } from './start-in-child.ts';
import { waitUntil } from './wait-until.ts';

test('a killed owner leaves no process and no folder', async () => {
  const { child, folder } = await startInChild('none');
  const names = await readdir(join(folder, 'children'));
  const texts = await Promise.all(names.map((name) => readFile(join(folder, 'children', name), 'utf8')));
  const programs = texts.map((text) => JSON.parse(text) as ProcessId);
  expect(programs).toHaveLength(4);
  expect(programs.every(isRunning)).toBe(true);
  child.kill('SIGKILL');
  await waitUntil({ what: 'the folder is gone', check: () => !existsSync(folder) });
  expect(programs.some(isRunning)).toBe(false);
});
