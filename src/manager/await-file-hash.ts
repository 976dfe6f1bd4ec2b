import type { FileRead } from './config-file.ts';
import type { Clock } from './clock.ts';
import { sleepQuietly } from './sleep-quietly.ts';

type ConfigText = Extract<FileRead, { kind: 'text' }>;

/** Looks at the file this often, in milliseconds. */
const POLL_MS = 50;

export interface AwaitFileHashOptions<T> {
  readonly hash: string;
  readonly read: () => Promise<FileRead>;
  /** Asked before each look: ends the wait with what it gives unless that is null. */
  readonly isSettled: () => T | null;
  /** Given the text once the file holds it; null where it cannot be used just now: the wait goes on. */
  readonly use: (text: ConfigText) => Promise<T> | null;
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Ends the wait at once. */
  readonly signal: AbortSignal;
}

/** The file did not reach the hash. */
export interface MissedHash {
  /** `busy`: the file has the text, and no turn to load it came in time. */
  readonly missed: 'aborted' | 'busy' | 'timeout';
  /** What the file held at the last look, for people. */
  readonly found: string;
}

/** Waits for the file to hold the text of a hash. Gives what `use` or `isSettled` give, or why neither came. */
export async function awaitFileHash<T extends object>(options: AwaitFileHashOptions<T>): Promise<T | MissedHash> {
  const { hash, read, isSettled, use, timeoutMs, clock, signal } = options;
  const end = clock.monotonicMs() + timeoutMs;
  for (;;) {
    const settled = isSettled();
    if (settled) return settled;
    const found = await read();
    const isThere = found.kind === 'text' && found.hash === hash;
    const used = isThere ? use(found) : null;
    if (used) return used;
    const state = found.kind === 'text' ? `it holds ${found.hash}` : found.message;
    if (signal.aborted) return { missed: 'aborted', found: state };
    if (clock.monotonicMs() >= end) return { missed: isThere ? 'busy' : 'timeout', found: state };
    await sleepQuietly(Math.min(POLL_MS, end - clock.monotonicMs()), signal);
  }
}
