import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { withFileLock } from './file-lock.ts';
import { identifyProcess } from './process-id.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'leindex-reloader-lock-'));
});
afterAll(() => rm(folder, { recursive: true }));

test('a lock waits for its holder to let go', async () => {
  const path = join(folder, 'held');
  const order: string[] = [];
  const other = spawn('sleep', ['600']);
  await once(other, 'spawn');
  await writeFile(path, JSON.stringify(identifyProcess(other.pid!)));
  const locked = withFileLock(path, async () => order.push('ours'));
  order.push('theirs');
  await rm(path);
  await locked;
  other.kill();
  expect(order).toEqual(['theirs', 'ours']);
});

test('a lock whose holder died is taken over', async () => {
  const path = join(folder, 'dead');
  const dead = spawn('true');
  const id = identifyProcess(dead.pid!);
  await once(dead, 'exit');
  await writeFile(path, JSON.stringify(id));
  expect(await withFileLock(path, async () => 'done')).toBe('done');
});

test('a lock is let go when its work fails', async () => {
  const path = join(folder, 'failing');
  await expect(withFileLock(path, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  expect(await withFileLock(path, async () => 'done')).toBe('done');
});
