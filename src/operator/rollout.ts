import pLimit from 'p-limit';
import type { ReloadPolicy } from '../core/annotations.ts';
import type { Target, TargetOutcome } from '../core/target.ts';
import { planWaves } from '../core/waves.ts';

export interface RolloutResult {
  readonly outcomes: readonly TargetOutcome[];
  /** Targets that were left alone because a wave before them failed. */
  readonly untouched: readonly Target[];
}

export interface Rollout {
  readonly due: readonly Target[];
  /** Targets of the source in all, for shares as in `batch-size: 25%`. */
  readonly total: number;
  readonly policy: Pick<ReloadPolicy, 'canary' | 'batchSize'>;
  /** Targets worked on at the same time. */
  readonly concurrency: number;
  readonly reload: (target: Target) => Promise<TargetOutcome>;
}

/** Wave after wave; a wave with a failure is the last one. */
export async function rollOut({ due, total, policy, concurrency, reload }: Rollout): Promise<RolloutResult> {
  const limit = pLimit(concurrency);
  const outcomes: TargetOutcome[] = [];
  for (const wave of planWaves(due, { ...policy, total })) {
    outcomes.push(...(await Promise.all(wave.map((target) => limit(reload, target)))));
    if (outcomes.some(hasFailed)) break;
  }
  return { outcomes, untouched: due.slice(outcomes.length) };
}

/** A pod that went away has not failed. */
export function hasFailed({ result, reason }: TargetOutcome): boolean {
  return result !== 'success' && reason !== 'TargetGone';
}
