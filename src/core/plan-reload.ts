import type { ReloadPolicy } from './annotations.ts';
import { diffConfigs } from './config-diff.ts';
import type { ConfigReloadStatus, PodStatus } from './configreload.ts';
import type { AcceptedReading, Observed } from './decide.ts';
import { doubtAfter, doubtToken, isProven } from './doubt.ts';
import { policyFingerprint } from './policy-fingerprint.ts';
import { type RestartPlan, planRestart } from './plan-restart.ts';
import type { ReloadTrigger } from './reload-event.ts';
import { type TargetReason, targetReasons } from './reasons.ts';
import type { Rollback } from './rollback.ts';
import { findCondition, isUnderWay, revisionFor } from './status.ts';
import type { Target } from './target.ts';
import { requestToken } from './target-record.ts';
import type { Accepted } from './validation.ts';

/** Which targets are to be brought to which text. */
export interface ReloadPlan {
  readonly kind: 'reload';
  readonly policy: ReloadPolicy;
  readonly key: string;
  /** The text that is to run: the source's, or that of the revision that a rollback names. */
  readonly content: Uint8Array;
  readonly accepted: Accepted;
  /** Hash of the source's own text. */
  readonly sourceHash: string;
  /** In force: the source's text is not the one that is to run. */
  readonly rollback: Rollback | undefined;
  readonly trigger: ReloadTrigger;
  /** Reload targets that run this text already, too. */
  readonly isForced: boolean;
  /** What records of this rollout carry: the request, or the doubt, that it answers; empty: neither. */
  readonly request: string;
  /** What an earlier rollout left in doubt; see `doubt.ts`. */
  readonly doubt: string;
  /** The number of this text. */
  readonly revision: number;
  /** When this revision was first seen. */
  readonly revisionSeen: Date;
  /** First time this text (or request, or policy) is seen; false: a rollout goes on, or pods came and went. */
  readonly isNew: boolean;
  /** Texts with the same effective values that targets may go on running: comments, order and form disturb nobody. */
  readonly equivalentHashes: readonly string[];
  /** To be reloaded, in order. */
  readonly due: readonly Target[];
  /** Failed before, and nothing has changed that could help. */
  readonly stuck: readonly Target[];
  readonly settled: readonly Target[];
  /** Uses that only a restart brings to the text. */
  readonly restart: RestartPlan;
}

const MAX_EQUIVALENTS = 20;

export function planReload(observed: Observed, config: AcceptedReading, policy: ReloadPolicy, now: Date): ReloadPlan {
  const { status, found } = observed;
  const { hash } = config.outcome;
  // A `requested-at` that was there when the source was first seen asks for nothing.
  const isRequested =
    policy.requestedAt !== undefined && status.observedHash !== '' && status.observedRequest !== policy.requestedAt;
  const isForced = isRequested || isOpenRequest(status, hash);
  const doubt = doubtAfter(status, hash);
  const request = isForced ? requestToken(policy.requestedAt) : doubtToken(doubt);

  const isSeen = status.desiredHash === hash && status.desiredRevision > 0;
  const isNew = isRequested || !isSeen || status.observedPolicy !== policyFingerprint(policy);
  const revision = config.rollback?.toRevision ?? (isSeen ? status.desiredRevision : revisionFor(hash, status));
  const isKnownRevision = isSeen || revision === status.lastKnownGood.revision;
  const revisionSeen = isKnownRevision && status.revisionTime !== '' ? new Date(status.revisionTime) : now;

  const equivalentHashes = equivalentsOf({ observed, config, isSeen, isForced });
  const openRequest = isForced ? request : undefined;
  const wanted = { hash, equivalentHashes, openRequest, doubt, pods: status.pods };
  const isSettled = (target: Target) => isProven(target, wanted);
  const unsettled = found.targets.filter((target) => !isSettled(target));
  const stuck = isNew ? [] : unsettled.filter((target) => isStuck(target, hash, status.pods));
  return {
    kind: 'reload',
    policy,
    key: config.key,
    content: config.content,
    accepted: config.outcome,
    sourceHash: config.sourceHash,
    rollback: config.rollback,
    trigger: triggerOf({ status, config, isSeen, isForced }),
    isForced,
    request,
    doubt,
    revision,
    revisionSeen,
    isNew,
    equivalentHashes,
    due: unsettled.filter((target) => !stuck.includes(target)),
    stuck,
    settled: found.targets.filter(isSettled),
    restart: planRestart(found, { policy, revision, seenAt: revisionSeen.getTime() }),
  };
}

function triggerOf(input: {
  readonly status: ConfigReloadStatus;
  readonly config: AcceptedReading;
  readonly isSeen: boolean;
  readonly isForced: boolean;
}): ReloadTrigger {
  const { status, config, isSeen, isForced } = input;
  const isOpen = isUnderWay(status);
  // The ConfigMap's data was set back by a rollback, and this is the rollout of it.
  const isRestoring =
    isSeen && isOpen && status.rollback?.toHash === config.outcome.hash && !status.rollback.isRestored;
  if (config.rollback || isRestoring) return 'rollback';
  return isForced ? 'requested' : 'configmap';
}

/** The texts that count as this one: earlier ones while it is the wanted text, the applied one if no effective value differs. */
function equivalentsOf(input: {
  readonly observed: Observed;
  readonly config: AcceptedReading;
  readonly isSeen: boolean;
  readonly isForced: boolean;
}): readonly string[] {
  const { observed, config, isSeen, isForced } = input;
  const { status, appliedConfig } = observed;
  if (isForced) return [];
  if (isSeen) return status.equivalentHashes;
  const isSame = appliedConfig !== null && diffConfigs(appliedConfig, config.outcome.config).length === 0;
  if (!isSame || status.appliedHash === config.outcome.hash) return [];
  return [status.appliedHash, ...(status.desiredHash === status.appliedHash ? status.equivalentHashes : [])].slice(
    0,
    MAX_EQUIVALENTS,
  );
}

function isOpenRequest(status: ConfigReloadStatus, hash: string): boolean {
  return status.desiredHash === hash && findCondition(status, 'Progressing')?.reason === 'Requested';
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
