import type { ReloadPlan } from '../core/plan-reload.ts';
import { type Action, requeueAfter } from '../runtime/reconciler.ts';
import { Announcer } from './announce.ts';
import type { Observation } from './observe.ts';
import type { EvictionResult } from './ports.ts';
import type { Operator } from './reconcile.ts';
import { hasFailed, type RolloutResult } from './rollout.ts';

/** When it is tried again, milliseconds: a disruption budget may soon allow it, a permission that is missing is seldom given soon. */
const RETRY_MS: Partial<Record<EvictionResult, number>> = { later: 10_000, forbidden: 300_000 };

/**
 * `on-unreloadable: restart`: evicts one pod that cannot be reloaded in place, after all that can were. The next one follows
 * when its successor is ready, which the pod watch tells. undefined: nothing to add to what was decided.
 */
export async function restartNext(
  { source }: Observation,
  plan: ReloadPlan,
  result: RolloutResult,
  { operator, signal }: { operator: Operator; signal: AbortSignal },
): Promise<Action | undefined> {
  const { next } = plan.restart;
  if (!next || result.untouched.length > 0 || plan.stuck.length > 0 || result.outcomes.some(hasFailed))
    return undefined;
  const eviction = await operator.ports.pods.evict(next, signal);
  operator.logger.info(
    { pod: `${next.namespace}/${next.pod}`, reason: next.reason, eviction },
    'restarting what cannot be reloaded',
  );
  if (eviction === 'forbidden') new Announcer(source, operator.ports.events).notRestarted(next);
  const retryMs = RETRY_MS[eviction];
  return retryMs === undefined ? undefined : requeueAfter(retryMs);
}
