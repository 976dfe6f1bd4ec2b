import { randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { identifyProcess, isRunning, type ProcessId } from './process-id.ts';
import { say } from './progress.ts';

/**
 * Runs `work` while no other process holds `path`. A lock whose holder died is taken over; should two see that at the
 * same instant both may run, so `work` must be safe to do twice, if wasteful.
 */
export async function withFileLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  const mine = `${path}.${randomBytes(4).toString('hex')}`;
  await writeFile(mine, JSON.stringify(identifyProcess(process.pid)));
  try {
    await takeLock(path, mine);
    try {
      return await work();
    } finally {
      await rm(path, { force: true });
    }
  } finally {
    await rm(mine, { force: true });
  }
}

/** A hard link appears whole or not at all: no reader sees a lock without its holder. */
async function takeLock(path: string, mine: string): Promise<void> {
  for (let waited = 0; ; waited++) {
    try {
      await link(mine, path);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = await readHolder(path);
    if (holder && !isRunning(holder)) await rm(path, { force: true });
    else {
      if (waited % 30 === 0) say(`waiting for process ${holder?.pid ?? '?'}, which holds ${path}`);
      await sleep(500);
    }
  }
}

async function readHolder(path: string): Promise<ProcessId | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as ProcessId;
  } catch {
    return undefined;
  }
}
