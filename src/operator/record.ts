import { randomUUID } from 'node:crypto';
import { diffConfigs } from '../core/config-diff.ts';
import { type ConfigReloadStatus, type HistoryEntry, NO_TARGETS } from '../core/configreload.ts';
import type { Plan } from '../core/decide.ts';
import type { ReloadPlan } from '../core/plan-reload.ts';
import type { ReloadResult } from '../core/reload-result.ts';
import { type SourceReason, sourceReasons } from '../core/reasons.ts';
import { type Rollback, rollbackAfterFailure } from '../core/rollback.ts';
import { findCondition, isUnderWay, type StatusChange } from '../core/status.ts';
import { type Action, awaitChange, requeueAfter } from '../runtime/reconciler.ts';
import { Announcer } from './announce.ts';
import { beginningChange, conclusionChange, isOpen, quietChange, wantedHash } from './changes.ts';
import { describeFailures } from './describe.ts';
import type { Observation } from './observe.ts';
import type { Operator } from './reconcile.ts';
import type { Refusal } from './provide.ts';
import type { RolloutResult } from './rollout.ts';
import { StatusWriter } from './status-writer.ts';
import { type Tally, tallyUp } from './tally.ts';

type QuietPlan = Exclude<Plan, { kind: 'reload' | 'ignore' }>;

/** Writes down what one reconcile did: status first, then events and metrics. What says nothing new is not written. */
export class Recorder {
  readonly #key: string;
  readonly #observed: Observation;
  readonly #operator: Operator;
  readonly #writer: StatusWriter;
  readonly #announcer: Announcer;
  readonly #startedAt: number;

  constructor(key: string, observed: Observation, operator: Operator) {
    this.#key = key;
    this.#observed = observed;
    this.#operator = operator;
    this.#writer = new StatusWriter(key, observed, operator.ports);
    this.#announcer = new Announcer(observed.source, operator.ports.events);
    this.#startedAt = operator.ports.clock.monotonic();
  }

  /** A plan that touches no pod. */
  async note(plan: QuietPlan, signal: AbortSignal): Promise<void> {
    const { status } = this.#observed;
    const change = quietChange(plan, this.#observed);
    const isRejectedAnew = plan.kind === 'reject' && isNewsOf(plan, status);
    const isHeldAnew = plan.kind === 'hold' && findCondition(this.#writer.status, 'Reloaded')?.reason !== plan.reason;
    const entry = plan.kind === 'reject' && isRejectedAnew ? this.#rejectionEntry(plan) : undefined;
    const superseded = this.#supersededBy(wantedHash(this.#observed));
    const isNews = await this.#store({ ...change, ...superseded, ...(entry ? { entry } : {}) }, signal);
    const { message, reason } = change.conditions?.at(-1) ?? {};
    if (isNews) this.#operator.logger.info({ source: this.#key, plan: plan.kind, reason }, message ?? plan.kind);
    if (plan.kind === 'reject' && isRejectedAnew) this.#announcer.rejected(plan.reason, plan.message);
    if (plan.kind === 'hold' && isHeldAnew) this.#announcer.held(plan.reason, plan.message);
    const wasDryRun = findCondition(status, 'Progressing');
    if (plan.kind === 'dryRun' && wasDryRun?.message !== message) this.#announcer.dryRun(message ?? '');
    if (entry) this.#operator.ports.metrics.reloadConcluded(entry.result, entry.durationMs / 1000);
    this.#measure(plan.kind !== 'hold' && this.#writer.status.stats.lastReloadResult === 'success');
  }

  /** Before anything is touched: says what is about to happen, as the only writer. Who cannot record does not act. */
  async begin(plan: ReloadPlan, signal: AbortSignal): Promise<void> {
    this.#operator.knownConfigs.remember(plan.accepted.hash, plan.accepted.config);
    const isIdle = plan.due.length === 0 && !plan.rollback;
    if (isIdle || (!plan.isNew && this.#observed.stored)) return;
    if (this.#observed.stored && !needsFence(plan)) return;
    await this.#store(this.#beginning(plan), signal, { isFence: true });
  }

  /** A rollout was cut off: what it has touched is in doubt, so that the status must know of it; and the text has its number. */
  async cutOff(plan: ReloadPlan, signal: AbortSignal): Promise<void> {
    if (!plan.isNew) return;
    if (!plan.rollback) await this.#saveRevision(plan, signal);
    if (!isUnderWay(this.#writer.status)) await this.#store(this.#beginning(plan), signal);
  }

  #beginning(plan: ReloadPlan): StatusChange {
    const now = this.#operator.ports.clock.now();
    return { ...beginningChange(plan, this.#observed, now), ...this.#supersededBy(plan.accepted.hash) };
  }

  /** After the rollout. Says when to look again. */
  async conclude(plan: ReloadPlan, result: RolloutResult, signal: AbortSignal): Promise<Action> {
    const { clock } = this.#operator.ports;
    const now = clock.now();
    const tally = tallyUp(plan, this.#observed, result, now);
    const before = findCondition(this.#observed.status, 'Reloaded');
    // Rolled back is not ill: each look at it would be a success of its own.
    const hasRecovered = tally.isApplied && before?.status === 'False' && before.reason !== 'RolledBack';
    const isConcluded = (isOpen(plan, this.#observed) && !tally.isRestarting && tally.awaited === 0) || hasRecovered;
    if (isOpen(plan, this.#observed) && !plan.rollback) await this.#saveRevision(plan, signal);
    const entry = isConcluded ? await this.#entryOf(plan, tally, signal) : undefined;

    const hash = plan.accepted.hash;
    const rollback = this.#rollbackAfter(plan, tally);
    const waitMs = rollback ? 0 : tally.isRetryable ? this.#operator.retries.next(this.#key, hash) : undefined;
    if (waitMs === undefined) this.#operator.retries.forget(this.#key);
    const conclusion = conclusionChange({ plan, observed: this.#observed, tally, entry, rollback, waitMs, now });
    await this.#store({ ...conclusion, ...this.#supersededBy(hash) }, signal);

    this.#tell(plan, { tally, result, entry });
    this.#measure(tally.isApplied);
    return waitMs === undefined ? awaitChange() : requeueAfter(waitMs);
  }

  #measure(isSuccessful: boolean): void {
    const { targets, lastKnownGood } = this.#writer.status;
    const state = { outOfSync: targets.failed + targets.pending, isSuccessful, successTime: lastKnownGood.time };
    this.#operator.ports.metrics.sourceState(this.#key, state);
  }

  async #store(...written: Parameters<StatusWriter['write']>): Promise<boolean> {
    const isNews = await this.#writer.write(...written);
    this.#operator.lookedAt.add(this.#key);
    const [{ superseded }] = written;
    if (superseded) {
      this.#announcer.concluded(superseded);
      this.#operator.ports.metrics.reloadConcluded(superseded.result, superseded.durationMs / 1000);
    }
    return isNews;
  }

  /** A rollout that was begun, and did not come to its end before another text was wanted, leaves its entry as well. */
  #supersededBy(wanted: string | undefined): { superseded?: HistoryEntry } {
    const { status } = this.#writer;
    if (wanted === undefined || !isUnderWay(status) || [wanted, ''].includes(status.desiredHash)) return {};
    return {
      superseded: {
        ...this.#stamp(status.observedTime),
        trigger: findCondition(status, 'Progressing')?.reason === 'Requested' ? 'requested' : 'configmap',
        result: sourceReasons.Superseded.result,
        reason: 'Superseded',
        newHash: status.desiredHash,
        revision: status.desiredRevision,
        changes: [],
        errorMessage: 'a change of the ConfigMap replaced it before every target ran it',
        author: '',
        targets: NO_TARGETS,
      },
    };
  }

  /** What cannot be done, found out while doing it. */
  async hold({ reason, message }: Refusal, signal: AbortSignal): Promise<Action> {
    await this.note({ kind: 'hold', reason, message, retryMs: REFUSED_MS }, signal);
    return requeueAfter(REFUSED_MS);
  }

  #tell(
    plan: ReloadPlan,
    { tally, result, entry }: { tally: Tally; result: RolloutResult; entry: HistoryEntry | undefined },
  ): void {
    const { logger, ports } = this.#operator;
    const { hash } = plan.accepted;
    const { skipped } = this.#observed.found;
    this.#announcer.targets(result.outcomes, hash);
    if (skipped.some((use) => !this.#wasSo(use))) this.#announcer.skipped(skipped);
    if (!entry) {
      const failures = tally.failures.filter(({ target, reason }) => !this.#wasSo({ ...target, reason }));
      if (failures.length > 0) this.#announcer.failedSince(plan.revision, hash, failures);
      return;
    }
    this.#announcer.concluded(entry);
    ports.metrics.reloadConcluded(entry.result, entry.durationMs / 1000);
    const { reason, result: outcome, revision, durationMs, targets, errorMessage } = entry;
    const decision = { source: this.#key, hash, revision, reason, result: outcome, targets, durationMs };
    if (tally.isApplied) logger.info(decision, 'reloaded');
    else logger.warn(decision, errorMessage);
  }

  #rollbackAfter(plan: ReloadPlan, tally: Tally): Rollback | undefined {
    if (plan.trigger === 'rollback' || tally.failures.length === 0) return undefined;
    const { policy, sourceHash, revision } = plan;
    return rollbackAfterFailure({ policy, status: this.#observed.status, hash: sourceHash, revision });
  }

  /** Whether the status said so before, and so it was announced. */
  #wasSo({ uid, container, reason }: { uid: string; container: string; reason: string }): boolean {
    const { pods } = this.#observed.status;
    return pods.some((pod) => pod.uid === uid && pod.container === container && pod.reason === reason);
  }

  async #saveRevision(plan: ReloadPlan, signal: AbortSignal): Promise<void> {
    const { source } = this.#observed;
    const { revisions } = this.#operator.ports;
    const { revision } = plan;
    const owner = await this.#writer.ensure(signal);
    const { key, content, accepted, policy } = plan;
    await revisions.save(source, owner, { revision, hash: accepted.hash, key, content, author: source.author }, signal);
    if (revision > policy.historyLimit && revision % PRUNE_EVERY === 0) {
      const { lastKnownGood } = this.#observed.status;
      await revisions.prune(this.#key, { newest: policy.historyLimit, and: lastKnownGood.revision }, signal);
    }
  }

  async #entryOf(plan: ReloadPlan, tally: Tally, signal: AbortSignal): Promise<HistoryEntry> {
    const { status, source } = this.#observed;
    const before = await this.#operator.knownConfigs.applied(this.#key, status, signal);
    const reason = reasonOf(plan, tally, status);
    const { result } = sourceReasons[reason];
    return {
      ...this.#stamp(plan.isNew ? undefined : openSince(plan.accepted.hash, status)),
      trigger: plan.trigger,
      result: reason === 'TargetsFailed' || reason === 'RolloutHalted' ? (tally.failures[0]?.result ?? result) : result,
      reason,
      newHash: plan.accepted.hash,
      revision: plan.revision,
      changes: before === null ? [] : diffConfigs(before, plan.accepted.config),
      errorMessage: tally.isApplied
        ? ''
        : describeFailures(tally.failures) || 'targets that failed before wait for a change',
      author: source.author,
      targets: tally.targets,
    };
  }

  #rejectionEntry(plan: Extract<Plan, { kind: 'reject' }>): HistoryEntry {
    const result: ReloadResult = sourceReasons[plan.reason].result;
    return {
      ...this.#stamp(undefined),
      trigger: 'configmap',
      result,
      reason: plan.reason,
      newHash: plan.hash,
      revision: 0,
      changes: [],
      errorMessage: plan.message,
      author: this.#observed.source.author,
      targets: NO_TARGETS,
    };
  }

  /** `since`: when the change was first seen, where another reconcile, or another process, saw it. */
  #stamp(since: string | undefined) {
    const { clock } = this.#operator.ports;
    const now = clock.now();
    const measured = clock.monotonic() - this.#startedAt;
    const sinceMs = now.getTime() - Date.parse(since ?? '');
    const durationMs = sinceMs > measured ? sinceMs : measured;
    return {
      id: randomUUID(),
      timestamp: now.toISOString(),
      oldHash: this.#observed.status.appliedHash,
      durationMs: Math.round(durationMs),
    };
  }
}

/** The same text refused for the same reason is no news; another text is, whatever it is refused for. */
function isNewsOf({ hash, message }: Extract<Plan, { kind: 'reject' }>, status: ConfigReloadStatus): boolean {
  return findCondition(status, 'Valid')?.message !== message || (hash !== '' && hash !== status.observedHash);
}

/** What was refused may be allowed by now: nobody tells of a permission. */
const REFUSED_MS = 60_000;

/** Old revisions are cleared away once in so many. */
const PRUNE_EVERY = 10;

/** When what is concluded now began: the change was seen, or, after it had succeeded once, a target failed that came later. */
function openSince(hash: string, status: ConfigReloadStatus): string {
  const hadSucceeded = status.history[0]?.newHash === hash && status.history[0].result === 'success';
  const failedAt = hadSucceeded ? findCondition(status, 'Reloaded')?.lastTransitionTime : undefined;
  return failedAt ?? status.observedTime;
}

/** So many endpoints are reloaded faster than the status is written. */
const FEW = 16;

/**
 * Whether the status must say what is about to happen before it does. Not so for a few endpoints at once: they apply a text once
 * however often they are told, so that two controllers do no harm, and after a crash the records on the pods say what is left.
 */
function needsFence({ due, policy, isForced, rollback }: ReloadPlan): boolean {
  const isInSteps = policy.canary > 0 || due.length > FEW;
  return isInSteps || isForced || rollback !== undefined || due.some(({ channel }) => channel.kind !== 'endpoint');
}

function reasonOf(plan: ReloadPlan, tally: Tally, status: ConfigReloadStatus): SourceReason {
  if (tally.isHalted) return 'RolloutHalted';
  if (!tally.isApplied) return 'TargetsFailed';
  if (tally.targets.total === 0) return 'NoTargets';
  if (plan.trigger === 'rollback') return 'RolledBack';
  const { appliedHash } = status;
  const isSame = plan.accepted.hash === appliedHash || plan.equivalentHashes.includes(appliedHash);
  return plan.isNew && plan.due.length === 0 && isSame ? 'NothingToReload' : 'Reloaded';
}
