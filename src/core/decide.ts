import { createHash } from 'node:crypto';
import type { AnnotationProblem, PolicyReading, ReloadPolicy } from './annotations.ts';
import type { ConfigReloadStatus, PodStatus } from './configreload.ts';
import type { FoundTargets } from './find-targets.ts';
import type { ReloadTrigger } from './reload-event.ts';
import { type SourceReason, type TargetReason, targetReasons } from './reasons.ts';
import { type RestartPlan, planRestart } from './plan-restart.ts';
import { findCondition, revisionFor } from './status.ts';
import type { Target } from './target.ts';
import { requestToken } from './target-record.ts';
import type { Accepted, Rejected } from './validation.ts';

/** What a source holds right now. */
export type ConfigReading =
  | { readonly kind: 'unread' }
  | { readonly kind: 'keyMissing'; readonly message: string }
  | { readonly kind: 'rejected'; readonly key: string; readonly outcome: Rejected }
  | { readonly kind: 'accepted'; readonly key: string; readonly content: Uint8Array; readonly outcome: Accepted };

export interface Observed {
  readonly reading: PolicyReading;
  readonly config: ConfigReading;
  readonly status: ConfigReloadStatus;
  readonly found: FoundTargets;
}

/** What to do about a source. */
export type Plan =
  | { readonly kind: 'ignore' }
  | { readonly kind: 'reject'; readonly reason: SourceReason; readonly hash: string; readonly message: string }
  | { readonly kind: 'pause'; readonly policy: ReloadPolicy }
  | { readonly kind: 'stayHalted'; readonly policy: ReloadPolicy }
  | { readonly kind: 'dryRun'; readonly policy: ReloadPolicy; readonly due: readonly Target[] }
  | ReloadPlan;

export interface ReloadPlan {
  readonly kind: 'reload';
  readonly policy: ReloadPolicy;
  readonly key: string;
  readonly content: Uint8Array;
  readonly accepted: Accepted;
  readonly trigger: ReloadTrigger;
  /** Reload targets that run this text already, too. */
  readonly isForced: boolean;
  /** What records of this rollout carry; empty: no request. */
  readonly request: string;
  /** The number of this text. */
  readonly revision: number;
  /** First time this text (or request) is seen; false: a rollout goes on, or pods came and went. */
  readonly isNew: boolean;
  /** To be reloaded, in order. */
  readonly due: readonly Target[];
  /** Failed before, and nothing has changed that could help. */
  readonly stuck: readonly Target[];
  readonly settled: readonly Target[];
  /** Uses that only a restart brings to the text. */
  readonly restart: RestartPlan;
  /** When this revision was first seen. */
  readonly revisionSeen: Date;
}

type Check = (observed: Observed, now: Date) => Plan | undefined;

/** The first check that matches wins. */
const checks: readonly Check[] = [
  // Not ours: the annotation is absent, or was taken away.
  ({ reading }) => (reading.kind === 'notOptedIn' ? { kind: 'ignore' } : undefined),
  // A value that cannot be read is never ignored.
  ({ reading }) =>
    reading.kind === 'malformed'
      ? {
          kind: 'reject',
          reason: 'InvalidAnnotation',
          hash: '',
          message: reading.problems.map(describeProblem).join('; '),
        }
      : undefined,
  // Missing never means defaults.
  ({ config }) =>
    config.kind === 'keyMissing'
      ? { kind: 'reject', reason: 'KeyMissing', hash: '', message: config.message }
      : undefined,
  // The gate: what did not pass reaches no process.
  ({ config }) =>
    config.kind === 'rejected'
      ? {
          kind: 'reject',
          reason: 'ValidationFailed',
          hash: config.outcome.hash,
          message: describeRejection(config.key, config.outcome),
        }
      : undefined,
  ({ reading }) =>
    reading.kind === 'optedIn' && reading.policy.paused ? { kind: 'pause', policy: reading.policy } : undefined,
  (observed, now) => {
    const plan = planReload(observed, now);
    return plan?.policy.dryRun ? { kind: 'dryRun', policy: plan.policy, due: plan.due } : undefined;
  },
  // A halted rollout waits for a new text, a new policy or a request.
  (observed, now) => {
    const plan = planReload(observed, now);
    const isHalted = findCondition(observed.status, 'Progressing')?.reason === 'RolloutHalted';
    return plan && isHalted && !plan.isNew ? { kind: 'stayHalted', policy: plan.policy } : undefined;
  },
  planReload,
];

/** Pure: what is seen → what to do. */
export function decide(observed: Observed, now: Date): Plan {
  for (const check of checks) {
    const plan = check(observed, now);
    if (plan) return plan;
  }
  return { kind: 'ignore' };
}

/** What of a policy bears on a rollout: a change of it is a reason to try again. */
export function policyFingerprint(policy: ReloadPolicy): string {
  const { paused: _p, dryRun: _d, requestedAt: _r, historyLimit: _h, ...bearing } = policy;
  return createHash('sha256').update(JSON.stringify(bearing)).digest('hex').slice(0, 10);
}

function planReload({ reading, config, status, found }: Observed, now: Date): ReloadPlan | undefined {
  if (reading.kind !== 'optedIn' || config.kind !== 'accepted') return undefined;
  const { policy } = reading;
  const { hash } = config.outcome;
  const request = requestToken(policy.requestedAt);
  // A `requested-at` that was there when the source was first seen asks for nothing.
  const isRequested =
    policy.requestedAt !== undefined && status.observedHash !== '' && status.observedRequest !== policy.requestedAt;
  const isServing =
    request !== '' && (isRequested || status.history[0]?.trigger === 'requested' || isOpenRequest(status, hash));
  const isSeen = status.observedHash === hash && status.observedRevision > 0;
  const isNew = isRequested || !isSeen || status.observedPolicy !== policyFingerprint(policy);
  const revision = isSeen ? status.observedRevision : revisionFor(hash, status);
  const isKnownRevision = isSeen || revision === status.lastKnownGood.revision;
  const revisionSeen = isKnownRevision && status.revisionTime !== '' ? new Date(status.revisionTime) : now;
  const isSettled = ({ record }: Target) => record?.hash === hash && (!isServing || record.request === request);
  const unsettled = found.targets.filter((target) => !isSettled(target));
  const stuck = isNew ? [] : unsettled.filter((target) => isStuck(target, hash, status.pods));
  return {
    kind: 'reload',
    policy,
    key: config.key,
    content: config.content,
    accepted: config.outcome,
    trigger: isServing ? 'requested' : 'configmap',
    isForced: isServing,
    revision,
    restart: planRestart(found, { policy, revision, seenAt: revisionSeen.getTime() }),
    revisionSeen,
    request: isServing ? request : '',
    isNew,
    due: unsettled.filter((target) => !stuck.includes(target)),
    stuck,
    settled: found.targets.filter(isSettled),
  };
}

function isOpenRequest(status: ConfigReloadStatus, hash: string): boolean {
  return status.observedHash === hash && findCondition(status, 'Progressing')?.reason === 'Requested';
}

function isStuck(target: Target, hash: string, pods: readonly PodStatus[]): boolean {
  return pods.some(
    (pod) =>
      pod.uid === target.uid &&
      pod.container === target.container &&
      pod.containerID === target.running.containerId &&
      pod.hash === hash &&
      Object.hasOwn(targetReasons, pod.reason) &&
      targetReasons[pod.reason as TargetReason].next === 'wait',
  );
}

function describeProblem({ annotation, value, expected }: AnnotationProblem): string {
  return `annotation ${annotation}: "${value}" cannot be read; it must be ${expected}`;
}

/** `mcp_config.yaml:4:20 memory.global_index_mb: … [rule] (and 2 more)`. */
export function describeRejection(key: string, { violations: [first, ...more] }: Rejected): string {
  const rest = more
    .slice(0, 4)
    .map(({ path, message, line, column, rule }) => `; ${line}:${column} ${path}: ${message} [${rule}]`);
  const others = more.length > 4 ? ` (and ${more.length - 4} more)` : '';
  return `${key}:${first.line}:${first.column} ${first.path}: ${first.message} [${first.rule}]${rest.join('')}${others}`;
}
