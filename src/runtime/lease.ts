/** What a Lease says; times are texts, since nothing is ever decided on them. */
export interface LeaseRecord {
  /** Identity of the holder; empty: nobody. */
  readonly holder: string;
  readonly durationSeconds: number;
  /** RFC 3339 with microseconds. */
  readonly acquireTime: string;
  readonly renewTime: string;
  readonly transitions: number;
}

export interface StoredLease {
  readonly record: LeaseRecord;
  /** What a replacement names, so that two candidates never both succeed. */
  readonly version: string;
}

/** The one Lease that candidates share. Every call rejects where the server cannot be reached in time. */
export interface LeaseClient {
  /** A read of the present, never of a cache; undefined where there is none. */
  read(signal: AbortSignal): Promise<StoredLease | undefined>;
  /** undefined: somebody else was faster. */
  create(record: LeaseRecord, signal: AbortSignal): Promise<StoredLease | undefined>;
  /** Replaces exactly `version`; undefined: it was changed or deleted in between. */
  replace(record: LeaseRecord, version: string, signal: AbortSignal): Promise<StoredLease | undefined>;
}

/** Nobody waits longer for a silent holder, whatever its record or a person's edit says. */
const LONGEST_LEASE_MS = 60_000;

/**
 * The Lease as one candidate sees it: how long a holder is still believed is judged by the own monotonic clock, from
 * the last moment at which the record was seen to change. Its renewTime may lie in any year.
 */
export class LeaseObservation {
  readonly #fallbackMs: number;
  #seen = '';
  #changedAt = -Infinity;

  /** @param fallbackMs believed duration of a holder whose record names none that can be read */
  constructor(fallbackMs: number) {
    this.#fallbackMs = fallbackMs;
  }

  observe(record: LeaseRecord, now: number): void {
    const seen = JSON.stringify(record);
    if (seen === this.#seen) return;
    this.#seen = seen;
    this.#changedAt = now;
  }

  /** Whether `record`, which must have been observed, belongs to somebody who may still be at work. */
  isHeldByOther(record: LeaseRecord, identity: string, now: number): boolean {
    if (record.holder === '' || record.holder === identity) return false;
    const seconds = record.durationSeconds;
    const duration = seconds > 0 ? Math.min(seconds * 1000, LONGEST_LEASE_MS) : this.#fallbackMs;
    return now < this.#changedAt + duration;
  }
}
