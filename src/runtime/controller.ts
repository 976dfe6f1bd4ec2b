import { type Clock, systemClock } from './clock.ts';
import type { Action, Reconcile } from './reconciler.ts';
import { TerminalError } from './reconciler.ts';
import type { WorkQueue } from './work-queue.ts';

export interface ControllerOptions<K extends string> {
  readonly queue: WorkQueue<K>;
  readonly reconcile: Reconcile<K>;
  /** Keys worked on at the same time. */
  readonly workers: number;
  readonly hooks?: ControllerHooks<K>;
  readonly clock?: Clock;
}

/** For logs and metrics. */
export interface ControllerHooks<K extends string> {
  /** Tried again after `ms`; undefined: not before the key is added anew. */
  failed?(key: K, error: unknown, ms: number | undefined): void;
}

export interface RunOptions {
  /** No new key is begun once it aborts; what is under way may go on. */
  readonly stop: AbortSignal;
  /** How long it may go on after `stop`, milliseconds. */
  readonly graceMs: number;
  /** Aborts what is under way at once, as when a lease is lost; it also stops. */
  readonly abort?: AbortSignal | undefined;
}

/**
 * Workers over a queue. The only place that knows what happens after a reconcile: done, later, again with back-off, never.
 * What one key throws reaches no other key.
 */
export class Controller<K extends string = string> {
  readonly #options: ControllerOptions<K>;

  constructor(options: ControllerOptions<K>) {
    this.#options = options;
  }

  /**
   * Works until `stop` or `abort` aborts, and resolves when nothing is under way any more.
   * Keys that wait are left: whoever comes next finds them again from the present.
   */
  async run({ stop, graceMs, abort }: RunOptions): Promise<void> {
    const { queue, workers, clock = systemClock } = this.#options;
    const soft = abort ? AbortSignal.any([stop, abort]) : stop;
    const hard = new AbortController();
    let cancelGrace: (() => void) | undefined;
    const onStop = () => {
      queue.shutDown();
      cancelGrace = clock.setTimer(() => hard.abort(new Error('the grace period is over')), graceMs);
    };
    const onAbort = () => hard.abort(abort?.reason);
    follow(soft, onStop);
    if (abort) follow(abort, onAbort);
    await Promise.all(Array.from({ length: workers }, () => this.#work(soft, hard.signal)));
    cancelGrace?.();
    soft.removeEventListener('abort', onStop);
    abort?.removeEventListener('abort', onAbort);
  }

  async #work(stop: AbortSignal, hard: AbortSignal): Promise<void> {
    const { queue } = this.#options;
    for (;;) {
      const key = await queue.get(stop);
      if (key === undefined) return;
      if (!stop.aborted) await this.#reconcile(key, hard);
      queue.done(key);
    }
  }

  async #reconcile(key: K, signal: AbortSignal): Promise<void> {
    try {
      this.#settle(key, await this.#options.reconcile(key, signal));
    } catch (error) {
      if (signal.aborted) return;
      const isTerminal = error instanceof TerminalError;
      if (isTerminal) this.#options.queue.forget(key);
      const ms = isTerminal ? undefined : this.#options.queue.addRateLimited(key, askedWait(error));
      this.#report(key, error, ms);
    }
  }

  #settle(key: K, action: Action): void {
    this.#options.queue.forget(key);
    if (action.kind === 'requeueAfter') this.#options.queue.addAfter(key, action.ms);
  }

  /** A hook that throws ends no worker. */
  #report(key: K, error: unknown, ms: number | undefined): void {
    try {
      this.#options.hooks?.failed?.(key, error, ms);
    } catch {
      // there is nobody left to tell
    }
  }
}

function follow(signal: AbortSignal, listener: () => void): void {
  if (signal.aborted) listener();
  else signal.addEventListener('abort', listener, { once: true });
}

/** What a throttling server asked to wait, where the error says so; milliseconds. */
function askedWait(error: unknown): number {
  const ms = (error as { retryAfterMs?: unknown } | null | undefined)?.retryAfterMs;
  return typeof ms === 'number' && ms > 0 ? ms : 0;
}
