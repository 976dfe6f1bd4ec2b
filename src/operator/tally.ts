import type { PodStatus, TargetCounts } from '../core/configreload.ts';
import type { ReloadPlan } from '../core/plan-reload.ts';
import type { PendingUse, SkippedUse } from '../core/find-targets.ts';
import { targetReasons } from '../core/reasons.ts';
import { isFailed, toSeconds } from '../core/status.ts';
import { type Target, targetId, type TargetOutcome } from '../core/target.ts';
import type { Observation } from './observe.ts';
import { hasFailed, type RolloutResult } from './rollout.ts';

/** What a rollout came to, over all uses of the source. */
export interface Tally {
  readonly targets: TargetCounts;
  /** All of them, unbounded; the status keeps the 50 that matter most. */
  readonly pods: readonly PodStatus[];
  readonly failures: readonly TargetOutcome[];
  /** A wave failed and others were left alone. */
  readonly isHalted: boolean;
  /** Targets that ended at the text that is rolled back, and do not run yet: until they do, nothing is proven of them. */
  readonly awaited: number;
  /** All that can be reloaded is; pods that cannot are being restarted. */
  readonly isRestarting: boolean;
  /** Every target runs the text. */
  readonly isApplied: boolean;
  /** Some failures may go away by themselves. */
  readonly isRetryable: boolean;
}

export function tallyUp(plan: ReloadPlan, { found, status }: Observation, result: RolloutResult, now: Date): Tally {
  const time = toSeconds(now);
  const hash = plan.accepted.hash;
  const previous = new Map(status.pods.map((pod) => [targetId(pod), pod]));
  const keepTime = (pod: PodStatus): PodStatus => {
    const before = previous.get(targetId(pod));
    const isSame = before?.containerID === pod.containerID && before.hash === pod.hash && before.reason === pod.reason;
    return isSame ? { ...pod, time: before.time } : pod;
  };

  const gone = result.outcomes.filter(({ reason }) => reason === 'TargetGone');
  const outcomes = result.outcomes.filter((outcome) => !gone.includes(outcome));
  const failedBefore = (use: { uid: string; container: string }) => {
    const before = previous.get(targetId(use));
    return plan.trigger === 'rollback' && before && isFailed(before) ? [before] : [];
  };
  const failures = outcomes.filter(hasFailed);
  const stuck = plan.stuck.map((target) => previous.get(targetId(target)) ?? pending(target, time));
  const pods = [
    ...outcomes.map((outcome) => fromOutcome(outcome, hash, time)),
    ...stuck,
    ...plan.settled.map((target) => settled(target, previous.get(targetId(target)), { hash, time })),
    ...result.untouched.map((target) => pending(target, time)),
    ...gone.flatMap(({ target }) => failedBefore(target)),
    ...found.pending.map((use) => failedBefore(use)[0] ?? notRunning(use, previous.get(targetId(use)), { hash, time })),
    ...skippedPods(plan, found.skipped, time),
  ].map(keepTime);

  const count = (is: (pod: PodStatus) => boolean) => pods.filter(is).length;
  const targets = {
    total: pods.length,
    reloaded: count(({ result: is }) => is === 'success'),
    pending: count(({ result: is }) => is === 'pending'),
    skipped: count(({ result: is }) => is === 'skipped'),
    failed: count(isFailed),
  };
  const isHalted = result.untouched.length > 0;
  const awaited = [...gone.map(({ target }) => target), ...found.pending].flatMap(failedBefore).length;
  const isDone = targets.failed === awaited && !isHalted;
  const isRestarting = isDone && awaited === 0 && plan.restart.outdated.length > 0;
  return {
    targets,
    pods,
    failures,
    isHalted,
    awaited: isDone ? awaited : 0,
    isRestarting,
    isApplied: isDone && awaited === 0 && !isRestarting,
    isRetryable: !isHalted && failures.some(({ reason }) => targetReasons[reason].next === 'retry'),
  };
}

function skippedPods(
  { restart, accepted: { hash } }: ReloadPlan,
  skipped: readonly SkippedUse[],
  time: string,
): PodStatus[] {
  return skipped.map((use) => {
    const containerID = use.running?.containerId ?? '';
    if (restart.outdated.includes(use)) {
      const message = 'to be restarted, for it cannot be reloaded in place';
      return { ...notTarget({ ...use, reason: 'RestartPending', message }, 'pending', time), containerID };
    }
    if (!restart.current.includes(use)) return notTarget(use, 'skipped', time);
    return { ...notTarget({ ...use, reason: 'StartedWithConfig', message: '' }, 'success', time), containerID, hash };
  });
}

/** A container that is being restarted after its reload failed has failed until it is proven to run again. */
function notRunning(
  use: PendingUse,
  before: PodStatus | undefined,
  { hash, time }: { hash: string; time: string },
): PodStatus {
  if (before?.hash === hash && isFailed(before)) return before;
  return notTarget({ ...use, reason: 'NotRunning', message: '' }, 'pending', time);
}

function base(target: Target) {
  return {
    name: target.pod,
    uid: target.uid,
    container: target.container,
    containerID: target.running.containerId,
    strategy: target.channel.kind,
  };
}

function fromOutcome({ target, result, reason, message }: TargetOutcome, hash: string, time: string): PodStatus {
  return { ...base(target), hash, result, reason, message, time };
}

function settled(
  target: Target,
  before: PodStatus | undefined,
  { hash, time }: { hash: string; time: string },
): PodStatus {
  const reason = before?.result === 'success' && before.hash === hash ? before.reason : 'AlreadyCurrent';
  return { ...base(target), hash, result: 'success', reason, message: '', time };
}

function pending(target: Target, time: string): PodStatus {
  const hash = target.record?.hash ?? '';
  return { ...base(target), hash, result: 'pending', reason: 'Waiting', message: '', time };
}

interface Use {
  readonly pod: string;
  readonly uid: string;
  readonly container: string;
  readonly reason: string;
  readonly message: string;
}

function notTarget(
  { pod, uid, container, reason, message }: Use,
  result: 'pending' | 'skipped' | 'success',
  time: string,
): PodStatus {
  return { name: pod, uid, container, containerID: '', strategy: 'none', hash: '', result, reason, message, time };
}
