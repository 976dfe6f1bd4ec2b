/**
 * What a call is for. `act`: something waits for its effect. `record`: it writes down what has happened.
 * `tell`: nobody's work depends on it.
 */
export type Urgency = 'act' | 'record' | 'tell';

export interface CallQueueOptions {
  /** Calls under way at the same time. */
  readonly width: number;
  /** Monotonic, milliseconds. */
  readonly now?: () => number;
}

interface Waiting {
  readonly since: number;
  readonly start: () => void;
}

/** Who waited this long goes first, so that a long rush starves nobody, milliseconds. */
const PATIENCE_MS: Readonly<Record<Urgency, number>> = { act: 0, record: 2_500, tell: 5_000 };
const ORDER: readonly Urgency[] = ['act', 'record', 'tell'];

/**
 * Lets a bounded number of calls through, the urgent ones first: of 500 sources that change at once all are reloaded
 * before the first is recorded. Without it an API server at its limit serves all of them slowly.
 */
export class CallQueue {
  readonly #width: number;
  readonly #now: () => number;
  readonly #waiting: Readonly<Record<Urgency, Set<Waiting>>> = { act: new Set(), record: new Set(), tell: new Set() };
  #underWay = 0;

  constructor({ width, now = () => performance.now() }: CallQueueOptions) {
    this.#width = width;
    this.#now = now;
  }

  /** Rejects with the signal's reason where it aborts before `call` has begun. */
  async run<T>(urgency: Urgency, signal: AbortSignal | undefined, call: () => Promise<T>): Promise<T> {
    if (this.#underWay < this.#width) this.#underWay++;
    else await this.#turn(urgency, signal);
    try {
      return await call();
    } finally {
      this.#passOn();
    }
  }

  async #turn(urgency: Urgency, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiting = this.#waiting[urgency];
    const entry: Waiting = { since: this.#now(), start: resolve };
    const leave = () => {
      if (waiting.delete(entry)) reject(signal?.reason as Error);
    };
    waiting.add(entry);
    signal?.addEventListener('abort', leave, { once: true });
    await promise.finally(() => signal?.removeEventListener('abort', leave));
  }

  #passOn(): void {
    const next = this.#next();
    if (next) next.start();
    else this.#underWay--;
  }

  #next(): Waiting | undefined {
    const now = this.#now();
    const heads = ORDER.flatMap((urgency) => {
      const [entry] = this.#waiting[urgency];
      return entry ? [{ urgency, entry, isImpatient: now - entry.since >= PATIENCE_MS[urgency] }] : [];
    });
    const overdue = heads.find(({ urgency, isImpatient }) => urgency !== 'act' && isImpatient);
    const chosen = overdue ?? heads[0];
    if (chosen) this.#waiting[chosen.urgency].delete(chosen.entry);
    return chosen?.entry;
  }
}
