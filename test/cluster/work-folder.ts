import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { endRecordedChildren } from './child.ts';
import { removeNodeTraces } from './node-traces.ts';
import { identifyProcess, isRunning, type ProcessId } from './process-id.ts';

const PREFIX = 'leindex-reloader-cluster-';

/** All that one cluster leaves on the machine is in, or named in, one temporary folder. */
export interface WorkFolder {
  readonly path: string;
  /** Ends what was started from it, undoes what is named in it, and removes it. */
  remove(): Promise<void>;
}

/**
 * A new folder, with a watchdog process that removes it, and all that belongs to it, when this process ends without
 * having done so: by SIGKILL, say. What a killed watchdog left is removed first.
 */
export async function createWorkFolder(): Promise<WorkFolder> {
  await removeAbandonedFolders();
  const path = await mkdtemp(join(tmpdir(), PREFIX));
  await writeFile(join(path, 'owner.json'), JSON.stringify(identifyProcess(process.pid)));
  await mkdir(join(path, 'children'));
  await mkdir(join(path, 'logs'));
  const watchdog = spawn(process.execPath, [fileURLToPath(new URL('watchdog.ts', import.meta.url)), path], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true, // Ctrl-C reaches the whole foreground group, and must not reach the one who cleans up
  });
  watchdog.unref();
  const { stdin } = watchdog;
  stdin.on('error', () => undefined);
  (stdin as unknown as { unref?: () => void }).unref?.();
  return {
    path,
    remove: async () => {
      await removeWorkFolder(path);
      stdin.end();
    },
  };
}

/** Safe to repeat, and to call from any process. */
export async function removeWorkFolder(path: string): Promise<void> {
  await endRecordedChildren(path);
  await removeNodeTraces(path);
  await rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}

async function removeAbandonedFolders(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(PREFIX)) continue;
    const path = join(tmpdir(), name);
    const owner = await readOwner(path);
    if (owner && !isRunning(owner)) await removeWorkFolder(path);
  }
}

/** Undefined while the folder is only just being made. */
async function readOwner(path: string): Promise<ProcessId | undefined> {
  try {
    return JSON.parse(await readFile(join(path, 'owner.json'), 'utf8')) as ProcessId;
  } catch {
    return undefined;
  }
}
