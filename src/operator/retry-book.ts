const FIRST_MS = 2_000;
const MOST_MS = 300_000;

/** When a source with failed targets is tried again: 2 s, doubled each time, at most 5 min; a new text starts anew. */
export class RetryBook {
  readonly #attempts = new Map<string, { hash: string; count: number }>();

  /** Milliseconds until the next attempt. */
  next(key: string, hash: string): number {
    const before = this.#attempts.get(key);
    const count = before?.hash === hash ? before.count : 0;
    this.#attempts.set(key, { hash, count: count + 1 });
    return Math.min(FIRST_MS * 2 ** count, MOST_MS);
  }

  forget(key: string): void {
    this.#attempts.delete(key);
  }
}
