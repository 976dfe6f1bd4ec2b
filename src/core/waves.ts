import type { BatchSize } from './annotations.ts';

/** Splits the targets of a rollout: first the canaries, then batches. The order is kept; every target is in exactly one wave. */
export function planWaves<T>(
  targets: readonly T[],
  { canary, batchSize, total = targets.length }: { canary: number; batchSize: BatchSize; total?: number },
): T[][] {
  const first = targets.slice(0, canary);
  const rest = targets.slice(canary);
  const size = 'count' in batchSize ? batchSize.count : Math.max(1, Math.ceil((total * batchSize.percent) / 100));
  const batches = Array.from({ length: Math.ceil(rest.length / size) }, (_, i) => rest.slice(i * size, (i + 1) * size));
  return first.length > 0 ? [first, ...batches] : batches;
}
