import { type Clock, sleep, systemClock } from './clock.ts';

export interface PresenceWatchOptions {
  /** Whether it is there; rejects where nobody answers. */
  readonly isThere: (signal: AbortSignal) => Promise<boolean>;
  /** It was missing, and is there: what waited for it can be done now. */
  readonly onReturn: () => void;
  readonly clock?: Clock;
}

/** While it is missing it is looked for this often, milliseconds. */
const LOOK_EVERY_MS = 2_000;

/** Whether something is there that the work needs. While it is, that costs nothing: those who miss it say so. */
export class PresenceWatch {
  readonly #options: PresenceWatchOptions;
  #state: 'unknown' | 'there' | 'missing' = 'unknown';
  #missed = Promise.withResolvers<void>();

  constructor(options: PresenceWatchOptions) {
    this.#options = options;
  }

  get state(): 'unknown' | 'there' | 'missing' {
    return this.#state;
  }

  /** A call did not find it. */
  miss(): void {
    this.#state = 'missing';
    this.#missed.resolve();
  }

  /** Looks at the start, and from each `miss` until it is there again. Resolves when `signal` aborts. Call it once. */
  async run(signal: AbortSignal): Promise<void> {
    const { isThere, onReturn, clock = systemClock } = this.#options;
    signal.addEventListener('abort', () => this.#missed.resolve(), { once: true });
    while (!signal.aborted) {
      const answer = await isThere(signal).catch(() => undefined);
      const hasReturned = this.#state === 'missing' && answer === true;
      if (answer !== undefined) this.#state = answer ? 'there' : 'missing';
      if (answer === true) {
        this.#missed = Promise.withResolvers();
        if (hasReturned) onReturn();
        await this.#missed.promise;
      }
      await sleep(clock, LOOK_EVERY_MS, signal);
    }
  }
}
