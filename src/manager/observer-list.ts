import type { Logger } from 'pino';
import type { LeIndexConfig } from '../core/leindex-config.ts';

export interface ObserverContext {
  /** Aborts when the observer's deadline has passed. */
  readonly signal: AbortSignal;
}

/**
 * Told of every new configuration, after it is in place. Both are deeply frozen; `oldConfig` is null where none ran before.
 * May be async: it is awaited up to the deadline. What it throws stops nothing and no other.
 */
export type ConfigObserver = (
  oldConfig: LeIndexConfig | null,
  newConfig: LeIndexConfig,
  context: ObserverContext,
) => void | Promise<void>;

interface ObserverListOptions {
  readonly timeoutMs: number;
  readonly logger: Logger;
  readonly onFailure: ((kind: 'threw' | 'timeout') => void) | undefined;
}

/** The observers, in the order in which they subscribed. */
export class ObserverList {
  readonly #observers = new Set<ConfigObserver>();
  readonly #options: ObserverListOptions;

  constructor(options: ObserverListOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#observers.size;
  }

  /** Subscribing twice counts once. @throws TypeError where the observer is no function. */
  add(observer: ConfigObserver): void {
    if (typeof observer !== 'function') {
      throw new TypeError(`an observer is a function (oldConfig, newConfig) => …, not ${describeType(observer)}`);
    }
    this.#observers.add(observer);
  }

  /** Whether it had been subscribed. */
  remove(observer: ConfigObserver): boolean {
    return this.#observers.delete(observer);
  }

  /** Calls all that are subscribed now, and resolves when each has ended or run out of time. Never rejects. */
  async notify(oldConfig: LeIndexConfig | null, newConfig: LeIndexConfig): Promise<void> {
    // A copy: one that subscribes or unsubscribes while it is called changes the next round, not this one.
    await Promise.all([...this.#observers].map((observer) => this.#call(observer, oldConfig, newConfig)));
  }

  async #call(observer: ConfigObserver, oldConfig: LeIndexConfig | null, newConfig: LeIndexConfig): Promise<void> {
    const { timeoutMs, logger, onFailure } = this.#options;
    const expired = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    try {
      const returned = observer(oldConfig, newConfig, { signal: expired.signal });
      if (!isThenable(returned)) return;
      const deadline = new Promise<never>((_resolve, reject) => {
        timer = setTimeout(() => reject(new ObserverTimeout(timeoutMs)), timeoutMs);
      });
      await Promise.race([returned, deadline]);
    } catch (error) {
      const kind = error instanceof ObserverTimeout ? 'timeout' : 'threw';
      logger.error(
        { err: error, observer: observer.name || 'anonymous' },
        `observer ${kind}; the others are not affected`,
      );
      onFailure?.(kind);
      if (kind === 'timeout') expired.abort(error);
    } finally {
      clearTimeout(timer);
    }
  }
}

class ObserverTimeout extends Error {
  constructor(timeoutMs: number) {
    super(`the observer did not end within ${timeoutMs} ms`);
    this.name = 'ObserverTimeout';
  }
}

function isThenable(value: unknown): value is PromiseLike<void> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

function describeType(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value;
}
