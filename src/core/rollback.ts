import type { ReloadPolicy } from './annotations.ts';
import type { ConfigReloadStatus } from './configreload.ts';
import { policyFingerprint } from './policy-fingerprint.ts';
import { findCondition } from './status.ts';

/** A text of the source that is overridden by an earlier revision: kept in the status, so that it survives the controller. */
export interface Rollback {
  /** The text of the source that is not to run. */
  readonly fromHash: string;
  readonly fromRevision: number;
  readonly toHash: string;
  readonly toRevision: number;
  /** `failure`: its rollout failed under `on-failure: rollback`. `asked`: `rollback-to`. */
  readonly cause: 'failure' | 'asked';
  /** The policy under which it failed, fingerprinted: another policy is a reason to try again. */
  readonly policy: string;
  /** The ConfigMap's data was set back for targets that read it: that is done once, so that nobody is fought. */
  readonly isRestored: boolean;
}

/** Which text is wanted instead of the source's. */
export type Override =
  | { readonly kind: 'none' }
  /** `hash`: of the text that it must be; undefined: whatever was kept under that number. */
  | { readonly kind: 'revision'; readonly revision: number; readonly cause: Rollback['cause']; readonly hash?: string }
  | { readonly kind: 'impossible'; readonly message: string };

const NONE: Override = { kind: 'none' };

/**
 * A rollback holds for the text it was made from: a newer text ends it, and so does a new `requested-at`; one made after a failure
 * ends with a new policy, one that was asked for when the annotation is taken away. `rollback-to` acts once for each value; one
 * that could not be done is done with at the next edit, which it must not hold up.
 */
export function overrideOf(policy: ReloadPolicy, status: ConfigReloadStatus, sourceHash: string): Override {
  const { rollback } = status;
  const isAskedAnew = policy.rollbackTo !== undefined && status.observedRollback !== String(policy.rollbackTo);
  if (isAskedAnew || isRefused(policy, status, sourceHash)) return askedFor(policy.rollbackTo, status);
  if (rollback?.fromHash !== sourceHash) return NONE;
  // The status is not proof enough of what the annotations do not ask for: others may be able to write it.
  if (rollback.cause === 'asked' && !isAskedFor(policy, rollback)) return NONE;
  if (rollback.cause === 'failure' && policy.onFailure !== 'rollback') return NONE;
  const isRequested = policy.requestedAt !== undefined && status.observedRequest !== policy.requestedAt;
  const isTriedAnew = rollback.cause === 'failure' && rollback.policy !== policyFingerprint(policy);
  const { toRevision: revision, toHash: hash, cause } = rollback;
  return isRequested || isTriedAnew ? NONE : { kind: 'revision', revision, hash, cause };
}

function isAskedFor({ rollbackTo }: ReloadPolicy, { toRevision }: Rollback): boolean {
  return rollbackTo === 'previous' || rollbackTo === toRevision;
}

/** The present value of `rollback-to` was found impossible, and the text is still the one that it was found with. */
function isRefused({ rollbackTo }: ReloadPolicy, status: ConfigReloadStatus, sourceHash: string): boolean {
  const isHeld = findCondition(status, 'Reloaded')?.reason === 'RollbackImpossible';
  const isOfFailure = status.rollback?.fromHash === sourceHash;
  return rollbackTo !== undefined && isHeld && !isOfFailure && status.observedHash === sourceHash;
}

function askedFor(wanted: number | 'previous' | undefined, status: ConfigReloadStatus): Override {
  if (typeof wanted === 'number') return { kind: 'revision', revision: wanted, cause: 'asked' };
  const earlier = status.history
    .filter(({ result, revision }) => result === 'success' && revision > 0 && revision < status.appliedRevision)
    .map(({ revision }) => revision);
  if (earlier.length === 0) {
    return { kind: 'impossible', message: 'rollback-to: previous, but no revision ran before the present one' };
  }
  return { kind: 'revision', revision: Math.max(...earlier), cause: 'asked' };
}

/** What a failed rollout leaves behind under `on-failure: rollback`; undefined where there is nothing to go back to. */
export function rollbackAfterFailure(input: {
  readonly policy: ReloadPolicy;
  readonly status: ConfigReloadStatus;
  readonly hash: string;
  readonly revision: number;
}): Rollback | undefined {
  const { policy, status, hash, revision } = input;
  const { lastKnownGood } = status;
  if (policy.onFailure !== 'rollback' || lastKnownGood.revision === 0 || lastKnownGood.hash === hash) return undefined;
  return {
    fromHash: hash,
    fromRevision: revision,
    toHash: lastKnownGood.hash,
    toRevision: lastKnownGood.revision,
    cause: 'failure',
    policy: policyFingerprint(policy),
    isRestored: false,
  };
}
