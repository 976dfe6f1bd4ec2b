import { type Clock, sleep, systemClock } from './clock.ts';
import { type ListerWatcher, WatchFailure, type WatchEvent } from './lister-watcher.ts';
import { type Identity, type OnChange, Store } from './store.ts';

export interface ReflectorOptions<T> {
  readonly source: ListerWatcher;
  /** What to keep of an object; undefined: nothing, it is not remembered at all. */
  readonly trim: (object: unknown) => T | undefined;
  /** Told of every change after the store has it; one that throws is reported and ends nothing. */
  readonly onChange: OnChange<T>;
  readonly hooks?: ReflectorHooks;
  readonly clock?: Clock;
  /** [0, 1) */
  readonly random?: () => number;
}

/** For logs and metrics. */
export interface ReflectorHooks {
  listed?(objects: number): void;
  /** A list or watch failed and is tried again after `ms`. */
  failed?(failure: WatchFailure, ms: number): void;
  handlerFailed?(error: unknown): void;
}

const PAGE = 500;
const BACKOFF_MS = { first: 800, most: 30_000 };
/** A watch that ran this long was a healthy one: its end starts the back-off anew. */
const HEALTHY_MS = 60_000;
/** Bookmarks come about once a minute: a watch silent for longer than this is dead, whatever the socket says. */
const IDLE_MS = 90_000;
/** Watches have been seen to go back in time and to lose deletes: now and then the truth is listed again. */
const RELIST_EVERY_MS = 2 * 3_600_000;

/**
 * Keeps a store in step with the API server: lists, then watches from there, for ever. It ends only when its signal aborts.
 * 410 lists anew; everything else waits with full jitter, or as long as the server asks, and goes on where it was.
 */
export class Reflector<T> {
  readonly store: Store<T>;
  readonly name: string;
  readonly #options: ReflectorOptions<T>;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #synced = Promise.withResolvers<void>();
  #hasSynced = false;
  #lastEventAt: number;
  #resourceVersion: string | undefined;
  #canWatchList = true;
  #failures = 0;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.name = options.source.name;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#lastEventAt = this.#clock.now();
    this.store = new Store((key, previous, current) => {
      try {
        options.onChange(key, previous, current);
      } catch (error) {
        options.hooks?.handlerFailed?.(error);
      }
    });
  }

  /** Whether the store has held everything once. */
  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  /** Resolves when the store holds everything. */
  untilSynced(): Promise<void> {
    return this.#synced.promise;
  }

  /** Milliseconds since anything came from the API server. */
  get age(): number {
    return this.#clock.now() - this.#lastEventAt;
  }

  /** Resolves when `signal` aborts. Call it once. */
  async run(signal: AbortSignal): Promise<void> {
    let listedAt = this.#clock.now();
    const isOver = () => signal.aborted;
    while (!isOver()) {
      const startedAt = this.#clock.now();
      if (startedAt - listedAt > RELIST_EVERY_MS) this.#resourceVersion = undefined;
      if (this.#resourceVersion === undefined) listedAt = startedAt;
      try {
        await this.#listOrWatch(signal);
        this.#failures = 0;
      } catch (error) {
        if (isOver()) return;
        const failure =
          error instanceof WatchFailure ? error : new WatchFailure('broken', 'unexpected failure', { cause: error });
        if (this.#clock.now() - startedAt > HEALTHY_MS) this.#failures = 0;
        await this.#recover(failure, signal);
      }
    }
  }

  async #listOrWatch(signal: AbortSignal): Promise<void> {
    if (this.#resourceVersion !== undefined) return this.#watch(this.#resourceVersion, signal);
    if (this.#canWatchList) return this.#watch(undefined, signal);
    this.#resourceVersion = await this.#list(signal);
  }

  async #recover(failure: WatchFailure, signal: AbortSignal): Promise<void> {
    if (failure.kind === 'unsupported') {
      this.#canWatchList = false;
      return;
    }
    if (failure.kind === 'expired') this.#resourceVersion = undefined;
    const most = Math.min(BACKOFF_MS.most, BACKOFF_MS.first * 2 ** this.#failures);
    // The first expiry costs no wait; a storm of them does.
    const jitter = failure.kind === 'expired' && this.#failures === 0 ? 0 : most * this.#random();
    const ms = Math.max(failure.retryAfterMs ?? 0, jitter);
    this.#failures = Math.min(this.#failures + 1, 16);
    this.#options.hooks?.failed?.(failure, ms);
    await sleep(this.#clock, ms, signal);
  }

  /** All pages, and the version to watch from. */
  async #list(signal: AbortSignal): Promise<string> {
    const listed = new Set<string>();
    let page: string | undefined;
    let resourceVersion = '';
    do {
      const {
        items,
        resourceVersion: version,
        continue: next,
      } = await this.#options.source.list({ limit: PAGE, continue: page }, signal);
      for (const item of items) listed.add(this.#put(item));
      resourceVersion = version;
      page = next;
      this.#heard();
    } while (page !== undefined);
    this.#completed(listed);
    return resourceVersion;
  }

  /** From a version, or (a WatchList) from everything there is now. Returns when the server ends the watch. */
  async #watch(from: string | undefined, signal: AbortSignal): Promise<void> {
    const initial = from === undefined ? new Set<string>() : undefined;
    const timeoutSeconds = 300 + Math.floor(300 * this.#random());
    const events = await this.#options.source.watch(
      { resourceVersion: from, timeoutSeconds, idleTimeoutMs: IDLE_MS },
      signal,
    );
    for await (const event of events) {
      if (signal.aborted) return;
      this.#heard();
      this.#apply(event, this.#resourceVersion === undefined ? initial : undefined);
    }
    if (this.#resourceVersion === undefined)
      throw new WatchFailure('broken', 'the watch ended before its initial events did');
  }

  #apply(event: WatchEvent, initial: Set<string> | undefined): void {
    if (event.type === 'BOOKMARK') {
      if (initial && !event.isInitialEnd) return;
      if (initial) this.#completed(initial);
      this.#resourceVersion = event.resourceVersion;
      return;
    }
    const { key, resourceVersion } = identify(event.object);
    if (event.type === 'DELETED') {
      this.store.remove(key);
      initial?.delete(key);
    } else {
      this.#put(event.object);
      initial?.add(key);
    }
    if (!initial) this.#resourceVersion = resourceVersion;
  }

  #put(object: unknown): string {
    const identity = identify(object);
    this.store.put(identity, this.#options.trim(object));
    return identity.key;
  }

  #completed(listed: ReadonlySet<string>): void {
    this.store.retain(listed);
    this.#failures = 0;
    this.#hasSynced = true;
    this.#synced.resolve();
    this.#options.hooks?.listed?.(listed.size);
  }

  #heard(): void {
    this.#lastEventAt = this.#clock.now();
  }
}

/** @throws WatchFailure where the object has no name or version: the stream cannot be trusted */
function identify(object: unknown): Identity {
  const metadata = (object as { metadata?: Record<string, unknown> } | null)?.metadata;
  const { namespace, name, uid, resourceVersion } = metadata ?? {};
  if (typeof name !== 'string' || typeof resourceVersion !== 'string' || typeof uid !== 'string') {
    throw new WatchFailure('broken', 'an object without name, uid or resourceVersion');
  }
  return { key: typeof namespace === 'string' ? `${namespace}/${name}` : name, uid, resourceVersion };
}
