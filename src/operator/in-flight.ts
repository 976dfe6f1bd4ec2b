import { policyFingerprint } from '../core/policy-fingerprint.ts';
import { readPolicy, type ReloadPolicy } from '../core/annotations.ts';
import { contentHash } from '../core/content-hash.ts';
import { selectKey } from '../core/select-key.ts';
import type { SourcePort } from './ports.ts';

/** What a rollout under way brings out. */
export interface FlightPlan {
  readonly uid: string;
  readonly hash: string;
  readonly policy: ReloadPolicy;
}

interface Flight extends Disposable {
  /** Aborts when the rollout is no longer wanted. */
  readonly signal: AbortSignal;
}

/**
 * Rollouts under way, by source. A change of a source that comes in between is looked at once: a newer text, a lost opt-in,
 * a pause or another policy cuts the rollout short; a change of a label does not.
 */
export class InFlight {
  readonly #sources: SourcePort;
  readonly #flights = new Map<
    string,
    { plan: FlightPlan; stop: AbortController; isLooking: boolean; isDirty: boolean }
  >();

  constructor(sources: SourcePort) {
    this.#sources = sources;
  }

  begin(key: string, plan: FlightPlan): Flight {
    const flight = { plan, stop: new AbortController(), isLooking: false, isDirty: false };
    this.#flights.set(key, flight);
    return {
      signal: flight.stop.signal,
      [Symbol.dispose]: () => {
        if (this.#flights.get(key) === flight) this.#flights.delete(key);
      },
    };
  }

  /** The source changed. Never rejects: what cannot be looked at now is looked at by the next reconcile. */
  async notice(key: string): Promise<void> {
    const flight = this.#flights.get(key);
    if (!flight) return;
    flight.isDirty = true;
    if (flight.isLooking) return;
    flight.isLooking = true;
    while (flight.isDirty && !flight.stop.signal.aborted && this.#flights.get(key) === flight) {
      flight.isDirty = false;
      if (!(await this.#isWanted(key, flight.plan, flight.stop.signal))) flight.stop.abort(new Error('superseded'));
    }
    flight.isLooking = false;
  }

  async #isWanted(key: string, plan: FlightPlan, signal: AbortSignal): Promise<boolean> {
    try {
      const source = await this.#sources.read(key, signal);
      if (source?.uid !== plan.uid) return false;
      const reading = readPolicy(source.annotations);
      if (reading.kind !== 'optedIn' || reading.policy.paused || reading.policy.dryRun) return false;
      if (reading.policy.requestedAt !== plan.policy.requestedAt) return false;
      if (policyFingerprint(reading.policy) !== policyFingerprint(plan.policy)) return false;
      const selected = selectKey(source, reading.policy.key);
      return selected.found && contentHash(selected.content) === plan.hash;
    } catch {
      return true; // the next reconcile reads it again
    }
  }
}
