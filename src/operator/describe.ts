import type { ConfigChange, ConfigValue } from '../core/config-diff.ts';
import { shortHash } from '../core/content-hash.ts';
import { formatDuration } from '../core/duration.ts';
import type { SkippedUse } from '../core/find-targets.ts';
import type { TargetOutcome } from '../core/target.ts';

/** The sentences a person reads in events and conditions. */

export function describeChanges(changes: readonly ConfigChange[]): string {
  if (changes.length === 0) return 'no effective value changed';
  const shown = changes.slice(0, 6).map(({ path, from, to }) => `${path} ${show(from)} → ${show(to)}`);
  return shown.join(', ') + (changes.length > 6 ? ` and ${changes.length - 6} more` : '');
}

export function describeOutcome({ target, reason, message }: TargetOutcome): string {
  return `${target.pod}/${target.container}: ${reason}${message ? `, ${message}` : ''}`;
}

export function describeFailures(failures: readonly TargetOutcome[]): string {
  const shown = failures.slice(0, 3).map(describeOutcome);
  return shown.join('; ') + (failures.length > 3 ? `; and ${failures.length - 3} more` : '');
}

export function describeSkipped(skipped: readonly SkippedUse[]): string {
  const shown = skipped
    .slice(0, 3)
    .map(({ pod, container, reason, message }) => `${pod}/${container}: ${reason}, ${message}`);
  return shown.join('; ') + (skipped.length > 3 ? `; and ${skipped.length - 3} more` : '');
}

export function describeSuccess(input: {
  readonly revision: number;
  readonly hash: string;
  readonly done: number;
  readonly total: number;
  /** Containers that do not run yet; they start with the text. */
  readonly pending: number;
  readonly changes: readonly ConfigChange[];
  /** Nothing ran before it. */
  readonly isFirst: boolean;
  readonly durationMs: number;
}): string {
  const { revision, hash, done, total, pending, changes, isFirst, durationMs } = input;
  const later = pending === 0 ? '' : `, ${pending} not running yet,`;
  const what = `revision ${revision} (${shortHash(hash)})`;
  const changed = isFirst ? '' : `; ${describeChanges(changes)}`;
  if (total === 0) return `${what} is valid; no running pod uses it${changed}`;
  return `${what}: ${done}/${total} targets run it${later} after ${formatDuration(durationMs)}${changed}`;
}

const show = (value: ConfigValue | null) => (value === null ? 'unset' : String(value));
