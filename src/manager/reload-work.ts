import type { ReloadEvent, ReloadTrigger } from '../core/reload-event.ts';
import type { LeIndexConfig } from '../core/leindex-config.ts';
import type { Violation } from '../core/validation.ts';
import { reloadFailed, reloadSucceeded } from '../core/reload-event.ts';
import { diffConfigs } from '../core/config-diff.ts';
import type { Clock } from './clock.ts';
import { managerReasons } from './manager-reasons.ts';
import type { ReloadReason } from './manager-reasons.ts';
import { targetReasons } from '../core/reasons.ts';
import type { ReloadOutcome } from './reload-request.ts';

/** What runs: replaced as a whole, never changed. */
export interface Running {
  readonly config: LeIndexConfig;
  readonly hash: string;
  /** Where the text came from. */
  readonly origin: 'file' | 'push';
  readonly since: string;
}

/** One reload from the moment it was asked for: builds its outcome, with the duration. */
export class ReloadWork {
  readonly #trigger: ReloadTrigger;
  readonly #clock: Clock;
  #before: Running | null = null;
  readonly #startMs: number;

  constructor(input: { trigger: ReloadTrigger; clock: Clock }) {
    this.#trigger = input.trigger;
    this.#clock = input.clock;
    this.#startMs = input.clock.monotonicMs();
  }

  /** Names what runs at the moment of this reload; call it when the reload is settled or begins. */
  from(before: Running | null): this {
    this.#before = before;
    return this;
  }

  /** `after` runs now; where it is what ran before, nothing changed. */
  succeeded(
    reason: ReloadReason,
    after: Omit<Running, 'since' | 'origin'>,
    warnings: readonly Violation[] = [],
  ): ReloadOutcome {
    const before = this.#before;
    const event = reloadSucceeded({
      ...this.#common(reason),
      newHash: after.hash,
      newConfig: after.config,
      changes: diffConfigs(before?.config ?? null, after.config),
    });
    const unchanged = reason === 'Unchanged' || reason === 'FileSuperseded';
    return outcome(event, reason, { hash: after.hash, unchanged, violations: [], warnings });
  }

  failed(
    reason: ReloadReason,
    errorMessage: string,
    rest: { hash?: string | null; violations?: readonly Violation[]; warnings?: readonly Violation[] } = {},
  ): ReloadOutcome {
    const hash = rest.hash ?? null;
    const result = resultOf(reason);
    const event = reloadFailed({
      ...this.#common(reason),
      result: result === 'success' ? 'io_error' : result,
      newHash: hash,
      errorMessage,
    });
    return outcome(event, reason, {
      hash,
      unchanged: false,
      violations: rest.violations ?? [],
      warnings: rest.warnings ?? [],
    });
  }

  #common(reason: ReloadReason) {
    return {
      at: this.#clock.now(),
      trigger: this.#trigger,
      reason,
      oldHash: this.#before?.hash ?? null,
      oldConfig: this.#before?.config ?? null,
      durationMs: this.#clock.monotonicMs() - this.#startMs,
    };
  }
}

/** The result a reason counts as. */
export function resultOf(reason: ReloadReason): ReloadEvent['result'] {
  return reason in managerReasons
    ? managerReasons[reason as keyof typeof managerReasons]
    : targetReasons[reason as keyof typeof targetReasons].result;
}

function outcome(
  event: ReloadEvent,
  reason: ReloadReason,
  rest: Pick<ReloadOutcome, 'hash' | 'unchanged' | 'violations' | 'warnings'>,
): ReloadOutcome {
  return Object.freeze({ result: event.result, reason, ...rest, event });
}
