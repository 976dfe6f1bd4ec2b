import type { HistoryEntry } from '../core/configreload.ts';
import { shortHash } from '../core/content-hash.ts';
import type { Plan } from '../core/decide.ts';
import { doubtAfter } from '../core/doubt.ts';
import type { ReloadPlan } from '../core/plan-reload.ts';
import { policyFingerprint } from '../core/policy-fingerprint.ts';
import { formatDuration } from '../core/duration.ts';
import { type ConditionInput, findCondition, isUnderWay, type StatusChange, toSeconds } from '../core/status.ts';
import type { SourceReason } from '../core/reasons.ts';
import type { Rollback } from '../core/rollback.ts';
import { describeFailures } from './describe.ts';
import type { Observation } from './observe.ts';
import type { Tally } from './tally.ts';

/** What the status learns from each kind of plan. Pure. */

type QuietPlan = Exclude<Plan, { kind: 'reload' | 'ignore' }>;

/** A plan that touches no pod. What it cuts off stays in doubt. */
export function quietChange(plan: QuietPlan, observed: Observation): StatusChange {
  const { status } = observed;
  const forgetsText = plan.kind === 'reject' || isUnderWay(status);
  return { ...quietly(plan, observed), doubt: forgetsText ? doubtAfter(status, '') : status.doubt };
}

function quietly(plan: QuietPlan, { source, reading, config, status }: Observation): StatusChange {
  const observedResourceVersion = source.resourceVersion;
  const seen = seenHash(config) ?? status.observedHash;
  const valid = condition('Valid', 'True', 'Valid', `the configuration is valid (${shortHash(seen)})`);
  const running = describeRunning(status.appliedRevision);
  const policy = reading.kind === 'optedIn' ? reading.policy : undefined;
  switch (plan.kind) {
    case 'reject':
      return {
        observedResourceVersion,
        // A text that is refused is seen, and has no revision.
        ...(plan.hash === '' ? {} : { observedHash: plan.hash, desiredHash: '', desiredRevision: 0 }),
        conditions: [
          condition('Valid', 'False', plan.reason, plan.message),
          condition('Reloaded', 'False', plan.reason, `nothing was reloaded; ${running}`),
          condition('Progressing', 'False', plan.reason, 'waiting for a change of the ConfigMap'),
        ],
      };
    case 'hold':
      return {
        observedResourceVersion,
        observedHash: seen,
        ...(config.kind === 'rollbackImpossible' ? { observedRollback: String(policy?.rollbackTo ?? '') } : {}),
        conditions: [
          valid,
          condition('Reloaded', 'False', plan.reason, `${plan.message}; ${running}`),
          condition('Progressing', 'False', plan.reason, nextAttempt(plan.retryMs, 'the ConfigMap')),
        ],
      };
    case 'pause':
      return untouched('Paused', `paused by annotation; ${running}`, 'paused by annotation; nothing is reloaded');
    case 'stayHalted':
      return { observedResourceVersion };
    case 'dryRun': {
      const what = `dry run: ${plan.due.length} targets would be reloaded to ${shortHash(seen)}; ${running}`;
      return untouched('DryRun', what, what);
    }
  }

  /** The text is seen, and no target of it is touched. */
  function untouched(reason: string, reloaded: string, progressing: string): StatusChange {
    return {
      observedResourceVersion,
      observedHash: seen,
      // A `requested-at` that was there when the source was first seen asks for nothing.
      observedRequest: status.observedHash === '' ? (policy?.requestedAt ?? '') : status.observedRequest,
      conditions: [
        valid,
        condition('Reloaded', status.appliedHash === seen ? 'True' : 'False', reason, reloaded),
        condition('Progressing', 'False', reason, progressing),
      ],
    };
  }
}

/** What a reload says before it touches anything. */
export function beginningChange(plan: ReloadPlan, observed: Observation, now: Date): StatusChange {
  const what = `bringing ${plan.due.length} targets to revision ${plan.revision} (${shortHash(plan.accepted.hash)})`;
  return {
    ...observedChange(plan, observed, now),
    conditions: [
      validCondition(plan),
      condition('Reloaded', 'False', 'InProgress', what),
      condition('Progressing', 'True', plan.trigger === 'requested' ? 'Requested' : 'RollingOut', what),
    ],
  };
}

export interface Conclusion {
  readonly plan: ReloadPlan;
  readonly observed: Observation;
  readonly tally: Tally;
  readonly entry: HistoryEntry | undefined;
  /** What a failed rollout leaves behind; undefined: nothing to go back to. */
  readonly rollback: Rollback | undefined;
  /** Until the next attempt; undefined: when something changes. */
  readonly waitMs: number | undefined;
  readonly now: Date;
}

export function conclusionChange(conclusion: Conclusion): StatusChange {
  const { plan, observed, tally, entry, rollback, waitMs, now } = conclusion;
  return {
    ...observedChange(plan, observed, now),
    conditions: [validCondition(plan), ...reloadedConditions({ plan, observed, tally, waitMs })],
    targets: tally.targets,
    pods: tally.pods,
    isApplied: tally.isApplied,
    publishedHash: plan.policy.publishTo === undefined ? '' : plan.accepted.hash,
    ...rollbackChange(conclusion),
    ...(rollback ? { rollback } : {}),
    ...(entry ? { entry } : {}),
  };
}

/** A text that succeeds ends what was remembered of an earlier failure; data that was set back is remembered as such. */
function rollbackChange({ plan, observed: { status }, tally }: Conclusion): StatusChange {
  const { rollback } = status;
  if (!rollback || plan.rollback || !tally.isApplied) return {};
  const isRestored = rollback.toHash === plan.accepted.hash;
  return { rollback: isRestored ? { ...rollback, isRestored: true } : null };
}

/** Whether a change is being rolled out, or could not be, and is not yet in the history. */
export function isOpen(plan: ReloadPlan, { status }: Observation): boolean {
  return plan.isNew || isUnderWay(status) || HELD.has(findCondition(status, 'Reloaded')?.reason);
}

const HELD: ReadonlySet<string | undefined> = new Set<SourceReason>(['PublishRefused', 'RollbackImpossible']);

function observedChange(plan: ReloadPlan, observed: Observation, now: Date): StatusChange {
  return {
    observedResourceVersion: observed.source.resourceVersion,
    observedHash: plan.sourceHash,
    desiredHash: plan.accepted.hash,
    desiredRevision: plan.revision,
    equivalentHashes: plan.equivalentHashes,
    observedRollback: plan.policy.rollbackTo === undefined ? '' : String(plan.policy.rollbackTo),
    ...(plan.rollback ? { rollback: plan.rollback } : {}),
    observedRequest: plan.policy.requestedAt ?? '',
    observedPolicy: policyFingerprint(plan.policy),
    doubt: plan.doubt,
    revisionTime: toSeconds(plan.revisionSeen),
    ...(plan.isNew ? { observedTime: toSeconds(now) } : {}),
  };
}

function validCondition({ key, accepted: { hash, warnings } }: ReloadPlan): ConditionInput {
  const noted = warnings.length === 0 ? '' : `; ${warnings.length} warnings: ${warnings[0]?.message ?? ''}`;
  return condition('Valid', 'True', 'Valid', `${key} is valid (${shortHash(hash)})${noted}`);
}

function reloadedConditions({
  plan,
  observed,
  tally,
  waitMs,
}: Omit<Conclusion, 'entry' | 'now' | 'rollback'>): ConditionInput[] {
  const { targets, failures, awaited, isApplied, isHalted, isRestarting } = tally;
  const where = `${targets.reloaded}/${targets.total} targets run revision ${plan.revision}`;
  if (isApplied && plan.rollback) {
    const { cause, fromRevision } = plan.rollback;
    const back =
      cause === 'asked'
        ? `${where}, as rollback-to asks`
        : `${where}; revision ${fromRevision} failed and was rolled back`;
    const status = cause === 'asked' ? 'True' : 'False';
    return [condition('Reloaded', status, 'RolledBack', back), condition('Progressing', 'False', 'RolledBack', back)];
  }
  if (isApplied) {
    const reason = targets.total === 0 ? 'NoTargets' : 'Reloaded';
    return [condition('Reloaded', 'True', reason, where), condition('Progressing', 'False', 'Done', where)];
  }
  const why = failures.length > 0 ? `; ${describeFailures(failures)}` : '';
  if (isHalted) {
    const halted = `${where}; halted after a failure, ${targets.pending} not touched${why}`;
    return [
      condition('Reloaded', 'False', 'RolloutHalted', halted),
      condition('Progressing', 'False', 'RolloutHalted', halted),
    ];
  }
  if (awaited > 0) {
    const waiting = `${where}; waiting for ${awaited} of them to start again`;
    return [
      condition('Reloaded', 'False', 'RollingBack', waiting),
      condition('Progressing', 'True', 'RollingBack', waiting),
    ];
  }
  if (isRestarting) {
    const restarting = `${where}; restarting ${plan.restart.outdated.length} pods that cannot be reloaded in place, one at a time`;
    return [
      condition('Reloaded', 'False', 'Restarting', restarting),
      condition('Progressing', 'True', 'Restarting', restarting),
    ];
  }
  const before = failures.length === 0 ? findCondition(observed.status, 'Reloaded')?.message : undefined;
  const failed = before ?? `${where}, ${targets.failed} failed${why}`;
  const next = nextAttempt(waitMs, 'text, pod or annotation');
  return [
    condition('Reloaded', 'False', 'TargetsFailed', failed),
    condition('Progressing', 'False', 'TargetsFailed', next),
  ];
}

function nextAttempt(waitMs: number | undefined, cause: string): string {
  return waitMs === undefined ? `waiting for a change of ${cause}` : `next attempt in ${formatDuration(waitMs)}`;
}

/** Of the text that is to run, where it is not reloaded now; undefined: that cannot be said. */
export function wantedHash({ config, status: { rollback, desiredHash } }: Observation): string | undefined {
  const seen = seenHash(config);
  const isRolledBack = rollback?.toHash === desiredHash && rollback.fromHash === seen;
  return isRolledBack ? desiredHash : seen;
}

function seenHash(config: Observation['config']): string | undefined {
  if (config.kind === 'rejected') return config.outcome.hash;
  return config.kind === 'accepted' || config.kind === 'rollbackImpossible' ? config.sourceHash : undefined;
}

function describeRunning(revision: number): string {
  return revision === 0 ? 'pods keep what they run' : `revision ${revision} keeps running`;
}

function condition(
  type: ConditionInput['type'],
  status: ConditionInput['status'],
  ...[reason, message]: [reason: string, message: string]
): ConditionInput {
  return { type, status, reason, message };
}
