import type { AnnotationProblem, PolicyReading, ReloadPolicy } from './annotations.ts';
import type { ConfigReloadStatus } from './configreload.ts';
import type { FoundTargets } from './find-targets.ts';
import type { LeIndexConfig } from './leindex-config.ts';
import { planReload, type ReloadPlan } from './plan-reload.ts';
import type { SourceReason } from './reasons.ts';
import type { Rollback } from './rollback.ts';
import { findCondition } from './status.ts';
import type { Target } from './target.ts';
import type { Accepted, Rejected } from './validation.ts';

/** What a source holds right now. */
export type ConfigReading =
  | { readonly kind: 'unread' }
  | { readonly kind: 'keyMissing'; readonly message: string }
  | { readonly kind: 'rejected'; readonly key: string; readonly outcome: Rejected }
  /** A rollback is wanted whose revision is gone, or valid no more. */
  | { readonly kind: 'rollbackImpossible'; readonly sourceHash: string; readonly message: string }
  | AcceptedReading;

export interface AcceptedReading {
  readonly kind: 'accepted';
  readonly key: string;
  /** The text that is to run, and its outcome: the source's own, or that of the revision that `rollback` names. */
  readonly content: Uint8Array;
  readonly outcome: Accepted;
  readonly sourceHash: string;
  readonly rollback: Rollback | undefined;
}

export interface Observed {
  readonly reading: PolicyReading;
  readonly config: ConfigReading;
  readonly status: ConfigReloadStatus;
  readonly found: FoundTargets;
  /** What every target ran last, where the wanted text is another; null: not known, or not asked. */
  readonly appliedConfig: LeIndexConfig | null;
}

/** What to do about a source. */
export type Plan =
  | { readonly kind: 'ignore' }
  | { readonly kind: 'reject'; readonly reason: SourceReason; readonly hash: string; readonly message: string }
  /** `retryMs`: until it is tried again, milliseconds; undefined: when something changes. */
  | { readonly kind: 'hold'; readonly reason: SourceReason; readonly message: string; readonly retryMs?: number }
  | { readonly kind: 'pause'; readonly policy: ReloadPolicy }
  | { readonly kind: 'stayHalted'; readonly policy: ReloadPolicy }
  | { readonly kind: 'dryRun'; readonly policy: ReloadPolicy; readonly due: readonly Target[] }
  | ReloadPlan;

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
  // Going back to something that is not there, or not valid, is worse than staying.
  ({ config }) =>
    config.kind === 'rollbackImpossible'
      ? { kind: 'hold', reason: 'RollbackImpossible', message: config.message }
      : undefined,
  (observed, now) => {
    const plan = reloadOf(observed, now);
    return plan?.policy.dryRun ? { kind: 'dryRun', policy: plan.policy, due: plan.due } : undefined;
  },
  // A halted rollout waits for a new text, a new policy or a request.
  (observed, now) => {
    const plan = reloadOf(observed, now);
    const isHalted = findCondition(observed.status, 'Progressing')?.reason === 'RolloutHalted';
    return plan && isHalted && !plan.isNew ? { kind: 'stayHalted', policy: plan.policy } : undefined;
  },
  (observed, now) => reloadOf(observed, now),
];

/** Pure: what is seen → what to do. */
export function decide(observed: Observed, now: Date): Plan {
  for (const check of checks) {
    const plan = check(observed, now);
    if (plan) return plan;
  }
  return { kind: 'ignore' };
}

function reloadOf(observed: Observed, now: Date): ReloadPlan | undefined {
  const { reading, config } = observed;
  if (reading.kind !== 'optedIn' || config.kind !== 'accepted') return undefined;
  return planReload(observed, config, reading.policy, now);
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
