import type { ListerWatcher, ListPage, WatchEvent, WatchQuery } from '../../src/runtime/lister-watcher.ts';

type ListAnswer = ListPage | Error;
type WatchAnswer = Error | readonly (WatchEvent | Error)[];

/**
 * Answers lists and watches from a script, in order, and notes what was asked. A watch ends after its events unless
 * they end with `open`; where the script is over, a watch stays open and silent, and a list never answers.
 */
export class ScriptedSource implements ListerWatcher {
  readonly name = 'things';
  readonly asked: string[] = [];
  /** What a list of one object, which asks for nothing else, says. */
  version = String(Number.MAX_SAFE_INTEGER);
  /** Ways to go on with the watch that is open. */
  #push: ((event: WatchEvent | Error | 'end') => void) | undefined;
  readonly #lists: ListAnswer[] = [];
  readonly #watches: WatchAnswer[] = [];

  lists(...answers: ListAnswer[]): this {
    this.#lists.push(...answers);
    return this;
  }

  watches(...answers: WatchAnswer[]): this {
    this.#watches.push(...answers);
    return this;
  }

  /** Into the watch that is open. */
  push(event: WatchEvent | Error | 'end'): void {
    if (!this.#push) throw new Error('no watch is open');
    this.#push(event);
  }

  async list(query: { limit: number; continue: string | undefined }, signal: AbortSignal): Promise<ListPage> {
    this.asked.push(`list ${query.limit}${query.continue === undefined ? '' : ` from ${query.continue}`}`);
    if (query.limit === 1) return { items: [], resourceVersion: this.version, continue: undefined };
    const answer = this.#lists.shift();
    if (answer === undefined) return untilAborted(signal);
    if (answer instanceof Error) throw answer;
    return answer;
  }

  async watch({ resourceVersion }: WatchQuery, signal: AbortSignal): Promise<AsyncIterable<WatchEvent>> {
    this.asked.push(resourceVersion === undefined ? 'watchlist' : `watch ${resourceVersion}`);
    const answer = this.#watches.shift();
    if (answer instanceof Error) throw answer;
    return answer ? fromScript(answer) : this.#open(signal);
  }

  async *#open(signal: AbortSignal): AsyncGenerator<WatchEvent, void> {
    const waiting: (WatchEvent | Error | 'end')[] = [];
    let wake = Promise.withResolvers<void>();
    const onAbort = () => wake.resolve();
    signal.addEventListener('abort', onAbort);
    this.#push = (event) => {
      waiting.push(event);
      wake.resolve();
    };
    for (;;) {
      await wake.promise;
      if (signal.aborted) throw signal.reason as Error;
      wake = Promise.withResolvers<void>();
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        if (next === 'end') return;
        if (next instanceof Error) throw next;
        yield next;
      }
    }
  }
}

async function* fromScript(events: readonly (WatchEvent | Error)[]): AsyncGenerator<WatchEvent, void> {
  for (const event of events) {
    await Promise.resolve();
    if (event instanceof Error) throw event;
    yield event;
  }
}

function untilAborted(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  return promise;
}
