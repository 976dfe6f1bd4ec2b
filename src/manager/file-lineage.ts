import type { FileRead } from './config-file.ts';

/**
 * Which texts of the file may still replace what runs. A push overtakes the file: until the file has caught up with it, the
 * texts that the push left behind are old, and one never seen before may be old as well (promise 5: no target goes back to
 * an older text but by a recorded rollback).
 */
export class FileLineage {
  readonly #holdMs: number;
  #seen: string | null = null;
  readonly #superseded = new Set<string>();
  #holdEnd = 0;

  /** @param holdMs how long after a push a file text never seen before is held back from the watch; the kubelet needs up to 90 s. */
  constructor(holdMs: number) {
    this.#holdMs = holdMs;
  }

  /** Remembers what the file holds; whether that differs from the last look. */
  see(read: FileRead): boolean {
    const now = fingerprint(read);
    const isNew = now !== this.#seen;
    this.#seen = now;
    return isNew;
  }

  hasSeen(read: FileRead): boolean {
    return fingerprint(read) === this.#seen;
  }

  /** The next look counts as a change whatever it finds. */
  forget(): void {
    this.#seen = null;
  }

  /** A pushed text took the place of `from`. */
  pushed({ from, to, nowMs }: { from: string | null; to: string; nowMs: number }): void {
    for (const old of [from, this.#seen]) if (old !== null) this.#superseded.add(old);
    this.#superseded.delete(to);
    this.#holdEnd = nowMs + this.#holdMs;
    // A push a second for a quarter of an hour with a file that never follows: the oldest may be forgotten.
    const [oldest] = this.#superseded;
    if (this.#superseded.size > 1000 && oldest !== undefined) this.#superseded.delete(oldest);
  }

  /** The file holds what runs: from here on every change of it is newer. */
  caughtUp(): void {
    this.#superseded.clear();
    this.#holdEnd = 0;
  }

  isSuperseded(hash: string): boolean {
    return this.#superseded.has(hash);
  }

  /** Milliseconds until a file text never seen before may be loaded by the watch; 0 where it may now. */
  holdLeft(nowMs: number): number {
    return Math.max(0, this.#holdEnd - nowMs);
  }
}

function fingerprint(read: FileRead): string {
  return read.kind === 'text' ? read.hash : `${read.reason}: ${read.message}`;
}
