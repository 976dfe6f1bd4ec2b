import { type Clock, sleep, systemClock } from './clock.ts';
import { type ListerWatcher, WatchFailure, type WatchEvent } from './lister-watcher.ts';
import { isOlderVersion } from './resource-version.ts';
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
  /** Everything was listed: this many objects, kept or not. */
  listed?(objects: number): void;
  /** A list or watch failed and is tried again after `ms`. */
  failed?(failure: WatchFailure, ms: number): void;
  /** `trim` or `onChange` threw. */
  handlerFailed?(error: unknown): void;
}

const PAGE = 500;
const BACKOFF_MS = { first: 800, most: 30_000 };
/** No failure for this long: the next one is the first again. */
const HEALTHY_MS = 60_000;
/** A watch that ends sooner and without a word is a failure: else a server that closes at once would be asked without pause. */
const SHORT_MS = 1_000;
/** Bookmarks come about once a minute: a watch silent for longer than this may be dead, whatever the socket says, and is begun anew. */
const IDLE_MS = 90_000;
/** So many watches in a row that break before their first event: it is the event that breaks them, and a list gets past it. */
const MOST_STUMBLES = 3;
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
  readonly #answered = Promise.withResolvers<void>();
  #hasSynced = false;
  #lastEventAt: number;
  #lastAnswerAt: number;
  /** Where to watch from; undefined: list anew. */
  #resourceVersion: string | undefined;
  /** `always`: the server knows no WatchList. `once`: the last one broke; a list makes progress where it cannot. */
  #shouldPage: 'never' | 'once' | 'always' = 'never';
  /** 0: no pages, since a list of pages outlived the version that it began with. */
  #pageSize = PAGE;
  /** The last watch broke off: before the next one, the server is asked whether its data is still as new as ours. */
  #isInDoubt = false;
  #stumbles = 0;
  #failures = 0;
  #recoveredAt = -Infinity;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.name = options.source.name;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#lastEventAt = this.#lastAnswerAt = this.#clock.now();
    this.store = new Store((key, previous, current) => this.#isolate(() => options.onChange(key, previous, current)));
  }

  /** Whether the store has held everything once. */
  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  /** Resolves when the store holds everything. */
  untilSynced(): Promise<void> {
    return this.#synced.promise;
  }

  /** Resolves when the store holds everything, or when it is known that this account may not fill it: others need not wait for it. */
  untilAnswered(): Promise<void> {
    return this.#answered.promise;
  }

  /** Milliseconds since an object or a bookmark came, or a watch began. */
  get age(): number {
    return this.#clock.now() - this.#lastEventAt;
  }

  /** Milliseconds since the API server said anything, a refusal included: a watch that is forbidden is not dead. */
  get silence(): number {
    return this.#clock.now() - Math.max(this.#lastEventAt, this.#lastAnswerAt);
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
      } catch (error) {
        if (isOver()) return;
        await this.#recover(toWatchFailure(error), signal);
      }
    }
  }

  async #listOrWatch(signal: AbortSignal): Promise<void> {
    if (this.#stumbles >= MOST_STUMBLES) this.#resourceVersion = undefined;
    if (this.#resourceVersion !== undefined) {
      if (this.#isInDoubt) await this.#compare(this.#resourceVersion, signal);
      return this.#watch(this.#resourceVersion, signal);
    }
    if (this.#shouldPage === 'never') return this.#watch(undefined, signal);
    this.#resourceVersion = await this.#list(signal);
    if (this.#shouldPage === 'once') this.#shouldPage = 'never';
    this.#pageSize = PAGE;
  }

  async #recover(failure: WatchFailure, signal: AbortSignal): Promise<void> {
    if (failure.isAnswer) this.#lastAnswerAt = this.#clock.now();
    if (failure.kind === 'forbidden') this.#answered.resolve();
    this.#isInDoubt ||= failure.retryAfterMs === undefined;
    if (failure.kind === 'silent') this.#stumbles = 0;
    // Whether it was quiet or dead, the next watch tells.
    if (failure.kind === 'silent' && this.#resourceVersion !== undefined) return;
    if (failure.kind === 'unsupported') {
      this.#shouldPage = 'always';
      return;
    }
    if (failure.kind === 'expired') this.#resourceVersion = undefined;
    else if (this.#resourceVersion === undefined && this.#shouldPage === 'never') this.#shouldPage = 'once';
    if (this.#clock.now() - this.#recoveredAt > HEALTHY_MS) this.#failures = 0;
    const most = Math.min(BACKOFF_MS.most, BACKOFF_MS.first * 2 ** this.#failures);
    // The first expiry costs no wait; a storm of them does.
    const jitter = failure.kind === 'expired' && this.#failures === 0 ? 0 : most * this.#random();
    const ms = Math.max(failure.retryAfterMs ?? 0, jitter);
    this.#failures = Math.min(this.#failures + 1, 16);
    this.#options.hooks?.failed?.(failure, ms);
    await sleep(this.#clock, ms, signal);
    this.#recoveredAt = this.#clock.now();
  }

  /**
   * A server restored from a backup takes a watch from a version that it has not reached yet, and then keeps silent until it has.
   *
   * @throws WatchFailure (expired) where its data is older than ours
   */
  async #compare(ours: string, signal: AbortSignal): Promise<void> {
    const { resourceVersion } = await this.#options.source.list({ limit: 1, continue: undefined }, signal);
    if (isOlderVersion(resourceVersion, ours)) {
      throw new WatchFailure('expired', `the server went back from ${ours} to ${resourceVersion}`, { isAnswer: true });
    }
    this.#isInDoubt = false;
  }

  /** All pages, and the version to watch from. */
  async #list(signal: AbortSignal): Promise<string> {
    const listing = new Listing();
    let next: string | undefined;
    let resourceVersion: string;
    do {
      const page = await this.#page(next, signal);
      for (const item of page.items) this.#put(item, listing);
      ({ resourceVersion, continue: next } = page);
      this.#heard();
    } while (next !== undefined);
    this.#completed(listing);
    return resourceVersion;
  }

  async #page(next: string | undefined, signal: AbortSignal) {
    try {
      return await this.#options.source.list({ limit: this.#pageSize, continue: next }, signal);
    } catch (error) {
      if (next !== undefined && error instanceof WatchFailure && error.kind === 'expired') this.#pageSize = 0;
      throw error;
    }
  }

  /** From a version, or (a WatchList) from everything there is now. Returns when the server ends the watch. */
  async #watch(from: string | undefined, signal: AbortSignal): Promise<void> {
    const startedAt = this.#clock.now();
    const listing = from === undefined ? new Listing() : undefined;
    const timeoutSeconds = 300 + Math.floor(300 * this.#random());
    const events = await this.#options.source.watch(
      { resourceVersion: from, timeoutSeconds, idleTimeoutMs: IDLE_MS },
      signal,
    );
    // Where nothing changes some servers send no bookmarks either; that they take the watch says that they are there.
    this.#heard();
    let isSilent = true;
    this.#stumbles += 1;
    for await (const event of events) {
      if (signal.aborted) return;
      isSilent = false;
      this.#heard();
      this.#apply(event, this.#resourceVersion === undefined ? listing : undefined);
      this.#stumbles = 0;
    }
    this.#stumbles = 0;
    if (this.#resourceVersion === undefined)
      throw new WatchFailure('broken', 'the watch ended before its initial events did');
    if (isSilent && this.#clock.now() - startedAt < SHORT_MS)
      throw new WatchFailure('broken', 'the watch ended at once, without an event');
  }

  #apply(event: WatchEvent, listing: Listing | undefined): void {
    if (event.type === 'BOOKMARK') {
      if (listing && !event.isInitialEnd) return;
      if (listing) this.#completed(listing);
      this.#advance(event.resourceVersion);
      return;
    }
    const identity = identify(event.object);
    if (!listing) this.#advance(identity.resourceVersion);
    if (event.type === 'DELETED') {
      this.store.remove(identity.key, identity.uid);
      listing?.keys.delete(identity.key);
    } else this.#put(event.object, listing);
  }

  /** @throws WatchFailure (expired) where the stream goes back in time: it repeats itself, or the server's data is older than ours */
  #advance(resourceVersion: string): void {
    if (this.#resourceVersion !== undefined && isOlderVersion(resourceVersion, this.#resourceVersion)) {
      throw new WatchFailure('expired', `the watch went back from ${this.#resourceVersion} to ${resourceVersion}`);
    }
    this.#resourceVersion = resourceVersion;
  }

  #put(object: unknown, listing: Listing | undefined): void {
    const identity = identify(object);
    // An object that cannot be trimmed is as one that is not kept: it must not stop the others.
    this.store.put(
      identity,
      this.#isolate(() => this.#options.trim(object)),
    );
    if (!listing) return;
    listing.objects++;
    if (this.store.has(identity.key)) listing.keys.add(identity.key);
  }

  #completed({ keys, objects }: Listing): void {
    this.store.retain(keys);
    this.#hasSynced = true;
    this.#isInDoubt = false;
    this.#stumbles = 0;
    this.#synced.resolve();
    this.#answered.resolve();
    this.#options.hooks?.listed?.(objects);
  }

  #heard(): void {
    this.#lastEventAt = this.#clock.now();
  }

  #isolate<R>(call: () => R): R | undefined {
    try {
      return call();
    } catch (error) {
      this.#options.hooks?.handlerFailed?.(error);
      return undefined;
    }
  }
}

/** What a list has named so far. Keys of objects that are not kept are not remembered: there may be very many. */
class Listing {
  readonly keys = new Set<string>();
  objects = 0;
}

function toWatchFailure(error: unknown): WatchFailure {
  return error instanceof WatchFailure ? error : new WatchFailure('broken', 'unexpected failure', { cause: error });
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
