import { createHash } from 'node:crypto';
import type { ReloadPolicy } from './annotations.ts';

/** What of a policy bears on a rollout: a change of it is a reason to try again. */
export function policyFingerprint(policy: ReloadPolicy): string {
  const { paused: _p, dryRun: _d, requestedAt: _q, rollbackTo: _r, historyLimit: _h, ...bearing } = policy;
  return createHash('sha256').update(JSON.stringify(bearing)).digest('hex').slice(0, 10);
}
