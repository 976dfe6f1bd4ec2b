import type { Action, Reconcile } from './reconciler.ts';
import { TerminalError } from './reconciler.ts';
import type { WorkQueue } from './work-queue.ts';

export interface ControllerOptions<K extends string> {
  readonly queue: WorkQueue<K>;
  readonly reconcile: Reconcile<K>;
  /** Keys worked on at the same time. */
  readonly workers: number;
  readonly hooks?: ControllerHooks<K>;
}

/** For logs and metrics. */
export interface ControllerHooks<K extends string> {
  /** Tried again after `ms`; undefined: not before the key is added anew. */
  failed?(key: K, error: unknown, ms: number | undefined): void;
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
   * Works until `stop` aborts, then lets what is under way end for at most `graceMs` before its signal aborts, too.
   * Keys that wait are left: whoever comes next finds them again from the present.
   */
  async run(stop: AbortSignal, graceMs: number): Promise<void> {
    const hard = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    const onStop = () => {
      this.#options.queue.shutDown();
      timer = setTimeout(() => hard.abort(new Error('the grace period is over')), graceMs);
    };
    if (stop.aborted) onStop();
    else stop.addEventListener('abort', onStop, { once: true });
    await Promise.all(Array.from({ length: this.#options.workers }, () => this.#work(stop, hard.signal)));
    clearTimeout(timer);
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
      const ms = error instanceof TerminalError ? undefined : this.#options.queue.addRateLimited(key);
      this.#options.hooks?.failed?.(key, error, ms);
    }
  }

  #settle(key: K, action: Action): void {
    this.#options.queue.forget(key);
    if (action.kind === 'requeueAfter') this.#options.queue.addAfter(key, action.ms);
  }
}
