import type { LeaseClient, LeaseRecord, StoredLease } from '../../src/runtime/lease.ts';

/** One Lease in memory, with compare-and-swap; `before` of a test can make any call fail, hang or come late. */
export class MemoryLease implements LeaseClient {
  present: StoredLease | undefined;
  readonly calls: string[] = [];
  /** Awaited before each call is carried out; what it throws is the call's failure. */
  before: (call: string, signal: AbortSignal) => Promise<void> | void = () => undefined;
  /** Awaited after it was carried out: an answer that is lost. */
  after: (call: string, signal: AbortSignal) => Promise<void> | void = () => undefined;
  #version = 0;

  /** As a person with kubectl does. */
  edit(change: Partial<LeaseRecord> | undefined): void {
    const empty = { holder: '', durationSeconds: 15, acquireTime: '', renewTime: '', transitions: 0 };
    this.present = change && {
      record: { ...(this.present?.record ?? empty), ...change },
      version: String(++this.#version),
    };
  }

  read(signal: AbortSignal): Promise<StoredLease | undefined> {
    return this.#call('read', signal, () => this.present);
  }

  create(record: LeaseRecord, signal: AbortSignal): Promise<StoredLease | undefined> {
    return this.#call('create', signal, () => (this.present ? undefined : this.#write(record)));
  }

  replace(record: LeaseRecord, version: string, signal: AbortSignal): Promise<StoredLease | undefined> {
    return this.#call('replace', signal, () => (this.present?.version === version ? this.#write(record) : undefined));
  }

  #write(record: LeaseRecord): StoredLease {
    this.present = { record, version: String(++this.#version) };
    return this.present;
  }

  async #call<T>(call: string, signal: AbortSignal, carryOut: () => T): Promise<T> {
    this.calls.push(call);
    signal.throwIfAborted();
    await this.before(call, signal);
    signal.throwIfAborted();
    const result = carryOut();
    await this.after(call, signal);
    return result;
  }
}

/** Never answers; rejects when the caller gives up. */
export function hang(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  return promise;
}
