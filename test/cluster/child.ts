import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { commandEnv } from './find-command.ts';
import { identifyProcess, isRunning, signalProcess, type ProcessId } from './process-id.ts';
import { waitUntil } from './wait-until.ts';

/** A program of the cluster, running. */
export interface Child {
  readonly name: string;
  readonly id: ProcessId;
  readonly logFile: string;
  /** SIGTERM, then SIGKILL after `graceMs` (default 10 s). Resolves when it is gone; safe to repeat. */
  stop(graceMs?: number): Promise<void>;
  /** Sends a signal, for faults: SIGKILL, SIGSTOP, SIGCONT. */
  kill(signal: NodeJS.Signals): void;
  /** Waits until `check` holds; throws with the end of its log if it ends before, or after `timeoutMs`. */
  untilReady(check: () => Promise<boolean>, timeoutMs?: number): Promise<void>;
}

/** Starts a program whose output goes to `logs/<name>.log` of the work folder, where it is recorded as ours to end. */
export async function startChild(start: {
  readonly folder: string;
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}): Promise<Child> {
  const { folder, name, command, args, env = commandEnv() } = start;
  const logFile = join(folder, 'logs', `${name}.log`);
  const log = openSync(logFile, 'a');
  // A group of its own: Ctrl-C must not end the API server before those that say goodbye to it.
  const child = spawn(command, args, { cwd: folder, env, stdio: ['ignore', log, log], detached: true });
  closeSync(log);
  await once(child, 'spawn');
  child.unref();
  const id = identifyProcess(child.pid!);
  const record = join(folder, 'children', `${id.pid}.json`);
  await writeFile(record, JSON.stringify(id));
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const describeEnd = async (what: string): Promise<Error> =>
    new Error(`${name} ${what}:\n${(await readFile(logFile, 'utf8')).trim().split('\n').slice(-20).join('\n')}`);
  return {
    name,
    id,
    logFile,
    kill: (signal) => void child.kill(signal),
    stop: async (graceMs = 10_000) => {
      if (!hasEnded()) {
        child.ref();
        const exit = once(child, 'exit');
        child.kill('SIGTERM');
        child.kill('SIGCONT'); // a stopped process acts on SIGTERM only once it goes on
        const end = new AbortController();
        void sleep(graceMs, undefined, { signal: end.signal, ref: false }).then(
          () => child.kill('SIGKILL'),
          () => undefined,
        );
        await exit;
        end.abort();
      }
      await rm(record, { force: true });
    },
    untilReady: async (check, timeoutMs = 60_000) => {
      const isReady = async (): Promise<boolean> => {
        if (hasEnded()) throw await describeEnd(`ended with ${child.exitCode ?? child.signalCode ?? ''}`);
        return await check();
      };
      await waitUntil({ what: `${name} is ready`, check: isReady, timeoutMs }).catch(async (error: unknown) => {
        throw hasEnded() ? error : await describeEnd(`was not ready after ${timeoutMs / 1000} s`);
      });
    },
  };
}

/**
 * Kills what `startChild` recorded in a work folder and nobody stopped; for use after its owner died, too. No goodbye:
 * the folder and all that is in it go as well.
 */
export async function endRecordedChildren(folder: string): Promise<void> {
  const children = await readRecords(join(folder, 'children'));
  for (const id of children) signalProcess(id, 'SIGKILL');
  await waitUntil({ what: 'killed children end', check: () => !children.some(isRunning), timeoutMs: 10_000 });
}

async function readRecords(folder: string): Promise<ProcessId[]> {
  const names = await readdir(folder).catch(() => []);
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8').catch(() => '')));
  return texts.filter(Boolean).map((text) => JSON.parse(text) as ProcessId);
}
