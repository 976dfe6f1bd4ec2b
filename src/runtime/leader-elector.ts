import { type Clock, sleep, systemClock } from './clock.ts';
import { type LeaseClient, LeaseObservation, type LeaseRecord, type StoredLease } from './lease.ts';

export interface LeaderElectorOptions {
  readonly lease: LeaseClient;
  /** Unique to this process. */
  readonly identity: string;
  readonly timing?: LeaseTiming;
  readonly hooks?: ElectionHooks;
  /** Monotonic: the only clock that decides. */
  readonly clock?: Clock;
  /** For the times that people read in the Lease. */
  readonly wallClock?: () => Date;
  /** [0, 1) */
  readonly random?: () => number;
}

/** Milliseconds; `retryMs` < `renewMs` < `leaseMs`. */
export interface LeaseTiming {
  /** Others wait this long after the last renewal that they saw. */
  readonly leaseMs: number;
  /** The holder gives up this long after it began its last successful renewal: well before others take over. */
  readonly renewMs: number;
  /** Between two tries. */
  readonly retryMs: number;
}

/** For logs and metrics. */
export interface ElectionHooks {
  /** This process leads now, or no longer. */
  changed?(isLeading: boolean): void;
  /** The Lease is held by this identity now. */
  observed?(holder: string): void;
  /** A read or write of the Lease failed and is tried again. */
  failed?(error: unknown): void;
}

/** Another process may lead now: what this one was doing was cut off, and it must end. */
export class LeaseLostError extends Error {
  override readonly name = 'LeaseLostError';
}

/** `other`: somebody else holds it. */
type Outcome = 'held' | 'other' | 'failed';

const SHORTEST_PAUSE_MS = 250;
/** Reads and writes of one attempt, where others always write in between. */
const MOST_TRIES = 3;

export const DEFAULT_TIMING: LeaseTiming = { leaseMs: 15_000, renewMs: 10_000, retryMs: 2_000 };

/**
 * Takes part in an election by Lease. A Lease is no fence: the holder must ask `isLeading` right before each side effect,
 * and every side effect must be safe to repeat.
 */
export class LeaderElector {
  readonly #lease: LeaseClient;
  readonly #identity: string;
  readonly #timing: LeaseTiming;
  readonly #hooks: ElectionHooks;
  readonly #clock: Clock;
  readonly #wallClock: () => Date;
  readonly #random: () => number;
  readonly #observation: LeaseObservation;
  #stored: StoredLease | undefined;
  #holder: string | undefined;
  /** A write was sent, and nothing is known that undoes it. */
  #mayHold = false;
  /** By the monotonic clock; counted from before the renewal was sent. */
  #leadsUntil = -Infinity;

  constructor(options: LeaderElectorOptions) {
    const { leaseMs, renewMs, retryMs } = options.timing ?? DEFAULT_TIMING;
    if (!(retryMs > 0 && retryMs < renewMs && renewMs < leaseMs)) throw new RangeError('retryMs < renewMs < leaseMs');
    this.#lease = options.lease;
    this.#identity = options.identity;
    this.#timing = { leaseMs, renewMs, retryMs };
    this.#hooks = options.hooks ?? {};
    this.#clock = options.clock ?? systemClock;
    this.#wallClock = options.wallClock ?? (() => new Date());
    this.#random = options.random ?? Math.random;
    this.#observation = new LeaseObservation(leaseMs);
  }

  /** Judged now: false as soon as the last renewal is too old, also where no timer could fire since (a stopped process). */
  get isLeading(): boolean {
    return this.#clock.now() < this.#leadsUntil;
  }

  /**
   * Waits for the Lease, then runs `work` while holding it; gives it back when `work` has ended, so that nobody starts
   * before. Once `stop` aborts, no more attempt is made to get it. The signal given to `work` aborts when the Lease is lost.
   *
   * @returns whether `work` ran
   * @throws LeaseLostError after `work` has ended, where the Lease was lost; else what `work` throws
   */
  async run(stop: AbortSignal, work: (lost: AbortSignal) => Promise<void>): Promise<boolean> {
    if (!(await this.#acquire(stop))) {
      if (this.#mayHold) await this.#release();
      return false;
    }
    this.#hooks.changed?.(true);
    const lost = new AbortController();
    const done = new AbortController();
    const renewing = this.#renew(done.signal, lost);
    try {
      await work(lost.signal);
    } finally {
      done.abort();
      await renewing;
      if (!lost.signal.aborted) await this.#release();
      this.#leadsUntil = -Infinity;
      this.#hooks.changed?.(false);
    }
    if (lost.signal.aborted) throw lost.signal.reason;
    return true;
  }

  async #acquire(stop: AbortSignal): Promise<boolean> {
    const { retryMs, renewMs } = this.#timing;
    const isOver = () => stop.aborted;
    while (!isOver()) {
      const outcome = await this.#tryOnce(renewMs, stop);
      if (outcome === 'held') return true;
      // Candidates that started together must not ask together for ever.
      await sleep(this.#clock, retryMs * (1 + 0.2 * this.#random()), stop);
    }
    return false;
  }

  async #renew(done: AbortSignal, lost: AbortController): Promise<void> {
    const isOver = () => done.aborted;
    const left = () => this.#leadsUntil - this.#clock.now();
    let pause = this.#timing.retryMs;
    for (;;) {
      await sleep(this.#clock, Math.min(pause, Math.max(left(), 0)), done);
      if (isOver()) return;
      const outcome = this.isLeading ? await this.#tryOnce(left(), done) : 'failed';
      // The less time is left, the sooner the next try.
      pause =
        outcome === 'held'
          ? this.#timing.retryMs
          : Math.min(this.#timing.retryMs, Math.max(left() / 2, SHORTEST_PAUSE_MS));
      if (isOver()) return;
      if (outcome === 'other' || !this.isLeading) {
        this.#leadsUntil = -Infinity;
        const why = outcome === 'other' ? 'another process holds it' : 'it could not be renewed in time';
        lost.abort(new LeaseLostError(`the lease was lost: ${why}`));
        return;
      }
    }
  }

  /** One attempt to get or to renew, within `withinMs`. */
  async #tryOnce(withinMs: number, signal: AbortSignal): Promise<Outcome> {
    const limit = new AbortController();
    const onAbort = () => limit.abort(signal.reason);
    const cancel = this.#clock.setTimer(() => limit.abort(new Error('no answer in time')), this.#attemptMs(withinMs));
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await this.#getOrRenew(limit.signal);
    } catch (error) {
      // Whether the write arrived is not known: read before the next one.
      this.#stored = undefined;
      if (!signal.aborted) this.#hooks.failed?.(error);
      return 'failed';
    } finally {
      cancel();
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** Half of the renewal's time at most, so that one lost packet does not cost the Lease. */
  #attemptMs(withinMs: number): number {
    return Math.max(1, Math.min(withinMs, this.#timing.renewMs / 2));
  }

  async #getOrRenew(signal: AbortSignal): Promise<Outcome> {
    // The holder writes on top of its own last write; where somebody edited in between, it looks first.
    if (this.isLeading && this.#stored && (await this.#write(this.#stored, signal))) return 'held';
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const present = await this.#lease.read(signal);
      const now = this.#clock.now();
      if (present) {
        this.#observation.observe(present.record, now);
        this.#tell(present.record.holder);
        if (this.#observation.isHeldByOther(present.record, this.#identity, now)) return 'other';
      }
      if (await this.#write(present, signal)) return 'held';
    }
    return 'failed';
  }

  /** False: somebody else was faster. */
  async #write(present: StoredLease | undefined, signal: AbortSignal): Promise<boolean> {
    const startedAt = this.#clock.now();
    const record = this.#recordAfter(present?.record);
    this.#mayHold = true;
    const written = present
      ? await this.#lease.replace(record, present.version, signal)
      : await this.#lease.create(record, signal);
    this.#stored = written;
    this.#mayHold = written !== undefined;
    if (!written) return false;
    this.#observation.observe(written.record, this.#clock.now());
    this.#tell(this.#identity);
    this.#leadsUntil = startedAt + this.#timing.renewMs;
    return true;
  }

  #recordAfter(before: LeaseRecord | undefined): LeaseRecord {
    const renewTime = microTime(this.#wallClock());
    const isOurs = before?.holder === this.#identity;
    return {
      holder: this.#identity,
      durationSeconds: Math.round(this.#timing.leaseMs / 1000),
      acquireTime: (isOurs && before.acquireTime) || renewTime,
      renewTime,
      transitions: before ? Math.max(0, before.transitions) + (isOurs ? 0 : 1) : 0,
    };
  }

  /** Best effort: a Lease that is not given back runs out. */
  async #release(): Promise<void> {
    const limit = new AbortController();
    const cancel = this.#clock.setTimer(() => limit.abort(new Error('no answer in time')), this.#timing.retryMs);
    try {
      const present = await this.#lease.read(limit.signal);
      if (present?.record.holder !== this.#identity) return;
      const record = { ...present.record, holder: '', durationSeconds: 1, renewTime: microTime(this.#wallClock()) };
      await this.#lease.replace(record, present.version, limit.signal);
    } catch (error) {
      this.#hooks.failed?.(error);
    } finally {
      cancel();
    }
  }

  #tell(holder: string): void {
    if (holder === this.#holder) return;
    this.#holder = holder;
    this.#hooks.observed?.(holder);
  }
}

/** metav1.MicroTime. */
function microTime(time: Date): string {
  return time.toISOString().replace('Z', '000Z');
}
