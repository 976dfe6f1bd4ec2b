import type { ConfigReloadStatus } from '../core/configreload.ts';
import { type ConditionInput, isSameStatus, nextStatus, repairStatus, type StatusChange } from '../core/status.ts';
import type { Observation } from './observe.ts';
import type { Ports, StoredReload } from './ports.ts';

const MAX_CONFLICTS = 8;
/** What is kept where the API server refuses a status for its size. */
const DEGRADED = { history: 10, pods: 10 };
const DEGRADED_CONDITION: ConditionInput = {
  type: 'HistoryDegraded',
  status: 'True',
  reason: 'StatusRefused',
  message: `the API server refused the status as a whole; the newest ${DEGRADED.history} entries of the history are kept`,
};

/** Writes the status of one source, from the version that the decision rested on. */
export class StatusWriter {
  status: ConfigReloadStatus;
  readonly #key: string;
  readonly #observed: Observation;
  readonly #ports: Pick<Ports, 'reloads' | 'clock'>;
  #stored: StoredReload | undefined;

  constructor(key: string, observed: Observation, ports: Pick<Ports, 'reloads' | 'clock'>) {
    this.#key = key;
    this.#observed = observed;
    this.#ports = ports;
    this.status = observed.status;
  }

  /** The source's ConfigReload: found, made, or taken over from a deleted ConfigMap of the same name. */
  async ensure(signal: AbortSignal): Promise<StoredReload> {
    const { source, stored } = this.#observed;
    const { reloads } = this.#ports;
    this.#stored ??= stored;
    if (!this.#stored) this.#stored = await reloads.create(source, signal);
    else if (this.#stored.ownerUid !== source.uid) this.#stored = await reloads.adopt(source, this.#stored, signal);
    return this.#stored;
  }

  /**
   * False: it said nothing new, and was not written. A conflict means that somebody else wrote: a fence then rejects
   * (ApiError Conflict), anything else is said again on top of what they wrote.
   */
  async write(change: StatusChange, signal: AbortSignal, { isFence = false } = {}): Promise<boolean> {
    await this.ensure(signal);
    for (let conflicts = 0; ; conflicts++) {
      const stored = await this.ensure(signal);
      const next = this.#next(change, stored);
      if (isSameStatus(next, this.status)) return false;
      try {
        const whole = withoutDegradation(next);
        this.#stored = await this.#ports.reloads.writeStatus(this.#key, stored, whole, signal);
        this.status = whole;
        return true;
      } catch (error) {
        const kind = (error as { kind?: unknown }).kind;
        if (kind === 'TooLarge' || kind === 'Invalid') return this.#writeDegraded(next, stored, signal);
        if (kind !== 'Conflict' || isFence || conflicts >= MAX_CONFLICTS) throw error;
        await this.#readAgain(signal);
      }
    }
  }

  #next(change: StatusChange, { generation }: StoredReload): ConfigReloadStatus {
    const { reading } = this.#observed;
    const historyLimit = reading.kind === 'optedIn' ? reading.policy.historyLimit : 100;
    return nextStatus(this.status, change, { generation, now: this.#ports.clock.now(), historyLimit });
  }

  async #readAgain(signal: AbortSignal): Promise<void> {
    const fresh = await this.#ports.reloads.read(this.#key, signal);
    this.#stored = fresh ?? (await this.#ports.reloads.create(this.#observed.source, signal));
    this.status = repairStatus(this.#stored.status);
  }

  /** The reload is done: a record with less history is better than none. */
  async #writeDegraded(next: ConfigReloadStatus, stored: StoredReload, signal: AbortSignal): Promise<boolean> {
    const less = {
      ...next,
      history: next.history.slice(0, DEGRADED.history),
      pods: next.pods.slice(0, DEGRADED.pods),
    };
    const context = { generation: stored.generation, now: this.#ports.clock.now(), historyLimit: DEGRADED.history };
    const small = nextStatus(less, { conditions: [DEGRADED_CONDITION] }, context);
    this.#stored = await this.#ports.reloads.writeStatus(this.#key, stored, small, signal);
    this.status = small;
    return true;
  }
}

/** What is written next is tried as a whole again. */
function withoutDegradation(status: ConfigReloadStatus): ConfigReloadStatus {
  return { ...status, conditions: status.conditions.filter(({ type }) => type !== DEGRADED_CONDITION.type) };
}
