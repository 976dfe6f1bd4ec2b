import pLimit from 'p-limit';
import type { ReloadPolicy } from '../core/annotations.ts';
import { type Target, targetId, type TargetOutcome } from '../core/target.ts';
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
  /** Targets of this rollout that were reloaded before it was cut off. */
  readonly settled: readonly Target[];
  /** `onProven` is called as soon as the target itself is done with: what remains is to record it. */
  readonly reload: (target: Target, onProven: () => void) => Promise<TargetOutcome>;
  /** Looks at the canaries again after their soak time; those that are not well any more. */
  readonly soak: (canaries: readonly Target[]) => Promise<readonly TargetOutcome[]>;
}

/** Wave after wave; a wave with a failure is the last one. */
export async function rollOut(rollout: Rollout): Promise<RolloutResult> {
  const { due, settled, total, policy, concurrency, reload, soak } = rollout;
  const limit = pLimit(concurrency);
  const reloadInTurn = (target: Target) =>
    new Promise<TargetOutcome>((resolve, reject) => {
      void limit(() => new Promise<void>((next) => void reload(target, next).then(resolve, reject).finally(next)));
    });
  const outcomes: TargetOutcome[] = [];
  const canary = Math.max(0, policy.canary - settled.length);
  // A rollout that was cut off goes on where it was: canaries that were not looked at again are looked at now.
  const isResumed = settled.length > 0 && policy.canary > 0 && settled.length <= policy.canary;
  if (isResumed && canary === 0 && due.length > 0) outcomes.push(...(await soak(settled)));

  const waves = outcomes.some(hasFailed) ? [] : planWaves(due, { ...policy, canary, total });
  let done = 0;
  for (const [index, wave] of waves.entries()) {
    const concluded = await Promise.all(wave.map(reloadInTurn));
    done += wave.length;
    outcomes.push(...concluded);
    if (outcomes.some(hasFailed)) break;
    if (index > 0 || canary === 0 || done === due.length) continue;
    const sick = await soak(concluded.filter(({ result }) => result === 'success').map(({ target }) => target));
    outcomes.splice(0, outcomes.length, ...replaceOutcomes(outcomes, sick));
    if (sick.length > 0) break;
  }
  return { outcomes, untouched: due.slice(done) };
}

function replaceOutcomes(outcomes: readonly TargetOutcome[], by: readonly TargetOutcome[]): TargetOutcome[] {
  const later = new Map(by.map((outcome) => [targetId(outcome.target), outcome]));
  return outcomes.map((outcome) => later.get(targetId(outcome.target)) ?? outcome);
}

/** A pod that went away has not failed. */
export function hasFailed({ result, reason }: TargetOutcome): boolean {
  return result !== 'success' && reason !== 'TargetGone';
}
