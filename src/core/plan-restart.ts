import type { ReloadPolicy } from './annotations.ts';
import type { FoundTargets, SkippedUse } from './find-targets.ts';
import { needsRestart } from './reasons.ts';

/** What `on-unreloadable: restart` comes to. */
export interface RestartPlan {
  /** Containers that started before the present text, one eviction at a time. */
  readonly outdated: readonly SkippedUse[];
  /** Started with the present text, or later. */
  readonly current: readonly SkippedUse[];
  /** To be evicted now; undefined while another pod is still coming back, or none is left that may be. */
  readonly next: SkippedUse | undefined;
}

const NONE: RestartPlan = { outdated: [], current: [], next: undefined };

/**
 * Environment variables and subPath files are read when a container starts: one that started after the text was first seen
 * has it. The first revision restarts nobody, since nothing says that a running container has another text.
 */
export function planRestart(
  { skipped, pending }: FoundTargets,
  {
    policy,
    revision,
    seenAt,
  }: { policy: ReloadPolicy; revision: number; /** Milliseconds since 1970. */ seenAt: number },
): RestartPlan {
  if (policy.onUnreloadable !== 'restart') return NONE;
  // A pod without a controller would not come back: it stays skipped, and is reported.
  const uses = skipped.filter((use) => use.isOwned && needsRestart(use));
  const isOutdated = ({ running }: SkippedUse) => revision > 1 && running !== undefined && running.startedAt < seenAt;
  const outdated = uses.filter(isOutdated);
  const isQuiet = pending.length === 0 && uses.every(({ isReady }) => isReady);
  return { outdated, current: uses.filter((use) => !isOutdated(use)), next: isQuiet ? outdated[0] : undefined };
}
