import { systemClock, type Clock } from './clock.ts';
import { Fifo } from './fifo.ts';

/** What a queue tells about itself; durations in seconds, as Prometheus wants them. */
export interface QueueMetrics {
  /** Keys that wait for a worker now. */
  depth(length: number): void;
  added(): void;
  /** A worker took a key after it waited this long. */
  started(waitedSeconds: number): void;
  /** A worker is done with a key after this long. */
  finished(workedSeconds: number): void;
  retried(): void;
}

export interface WorkQueueOptions {
  readonly clock?: Clock;
  readonly metrics?: QueueMetrics;
  /** First back-off; doubles with every failure in a row. Milliseconds, 5 by default. */
  readonly baseDelayMs?: number;
  /** No back-off is longer. Milliseconds, 1,000,000 by default. */
  readonly maxDelayMs?: number;
}

/**
 * Keys that need work, with client-go's promises: a key that waits is not added twice; no two workers have the same key;
 * one added while it is worked on comes again afterwards; first in, first out.
 */
export class WorkQueue<K extends string = string> {
  readonly #clock: Clock;
  readonly #metrics: QueueMetrics | undefined;
  readonly #baseDelayMs: number;
  readonly #maxDelayMs: number;
  readonly #queue = new Fifo<K>();
  /** Needs work: waiting in the queue, or to be queued when its worker is done. */
  readonly #dirty = new Map<K, { readonly addedAt: number }>();
  readonly #processing = new Map<K, { readonly startedAt: number }>();
  readonly #delayed = new Map<K, { readonly readyAt: number; readonly cancel: () => void }>();
  readonly #failures = new Map<K, number>();
  readonly #takers = new Fifo<(key: K | undefined) => void>();
  #drained: PromiseWithResolvers<void> | undefined;
  #isShutDown = false;

  constructor(options: WorkQueueOptions = {}) {
    this.#clock = options.clock ?? systemClock;
    this.#metrics = options.metrics;
    this.#baseDelayMs = options.baseDelayMs ?? 5;
    this.#maxDelayMs = options.maxDelayMs ?? 1_000_000;
  }

  /** Keys that wait for a worker; those being worked on or delayed are not counted. */
  get length(): number {
    return this.#queue.length;
  }

  get isShutDown(): boolean {
    return this.#isShutDown;
  }

  add(key: K): void {
    if (this.#isShutDown || this.#dirty.has(key)) return;
    this.#metrics?.added();
    this.#dirty.set(key, { addedAt: this.#clock.now() });
    if (!this.#processing.has(key)) this.#enqueue(key);
  }

  /** Adds after a delay; of several delays of one key the earliest wins. At once where `ms` is not above zero. */
  addAfter(key: K, ms: number): void {
    if (this.#isShutDown) return;
    if (!(ms > 0)) return this.add(key);
    const readyAt = this.#clock.now() + ms;
    const present = this.#delayed.get(key);
    if (present && present.readyAt <= readyAt) return;
    present?.cancel();
    const cancel = this.#clock.setTimer(() => {
      this.#delayed.delete(key);
      this.add(key);
    }, ms);
    this.#delayed.set(key, { readyAt, cancel });
  }

  /** Counts one more failure of the key and adds it after its back-off, or `atLeastMs` if that is longer; returns the milliseconds. */
  addRateLimited(key: K, atLeastMs = 0): number {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    const delay = Math.max(atLeastMs, Math.min(this.#baseDelayMs * 2 ** failures, this.#maxDelayMs));
    this.#metrics?.retried();
    this.addAfter(key, delay);
    return delay;
  }

  /** Failures of the key in a row. */
  failures(key: K): number {
    return this.#failures.get(key) ?? 0;
  }

  /** Ends the key's back-off: its next failure is the first again. */
  forget(key: K): void {
    this.#failures.delete(key);
  }

  /** The next key, which must be given back with `done`; undefined when the queue is shut down and empty, or on abort. */
  get(signal?: AbortSignal): Promise<K | undefined> {
    if (signal?.aborted) return Promise.resolve(undefined);
    const key = this.#queue.shift();
    if (key !== undefined) return Promise.resolve(this.#start(key));
    if (this.#isShutDown) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const take = (taken: K | undefined) => {
        signal?.removeEventListener('abort', leave);
        resolve(taken);
      };
      const leave = () => {
        this.#takers.remove(take);
        resolve(undefined);
      };
      signal?.addEventListener('abort', leave, { once: true });
      this.#takers.push(take);
    });
  }

  /** The worker is finished with the key; queues it again if it was added in the meantime. */
  done(key: K): void {
    const work = this.#processing.get(key);
    if (!work) return;
    this.#processing.delete(key);
    this.#metrics?.finished(Math.max(0, this.#clock.now() - work.startedAt) / 1000);
    if (this.#dirty.has(key)) this.#enqueue(key);
    else if (this.#isIdle()) this.#drained?.resolve();
  }

  /** Takes no more keys and drops delayed ones; workers get what is queued, then undefined. */
  shutDown(): void {
    this.#isShutDown = true;
    for (const { cancel } of this.#delayed.values()) cancel();
    this.#delayed.clear();
    for (let take = this.#takers.shift(); take; take = this.#takers.shift()) take(undefined);
  }

  /** `shutDown`, and resolves once workers have done all that was queued or under way; at once where nothing is. */
  async shutDownWithDrain(): Promise<void> {
    this.shutDown();
    if (this.#isIdle()) return;
    this.#drained ??= Promise.withResolvers<void>();
    await this.#drained.promise;
  }

  /** Whether nothing is queued or under way. */
  #isIdle(): boolean {
    return this.#processing.size === 0 && this.#queue.length === 0;
  }

  #enqueue(key: K): void {
    const take = this.#takers.shift();
    if (take) return take(this.#start(key));
    this.#queue.push(key);
    this.#metrics?.depth(this.#queue.length);
  }

  #start(key: K): K {
    const now = this.#clock.now();
    const addedAt = this.#dirty.get(key)?.addedAt ?? now;
    this.#dirty.delete(key);
    this.#processing.set(key, { startedAt: now });
    this.#metrics?.started(Math.max(0, now - addedAt) / 1000);
    this.#metrics?.depth(this.#queue.length);
    return key;
  }
}
