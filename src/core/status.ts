import {
  type Condition,
  type ConditionType,
  type ConfigReloadStatus,
  EMPTY_STATUS,
  type HistoryEntry,
  NO_TARGETS,
  type PodStatus,
  type TargetCounts,
} from './configreload.ts';
import type { Rollback } from './rollback.ts';
import { ReloadResult } from './reload-result.ts';
import { fitBytes } from './printable.ts';

export const MAX_PODS = 50;
export const MAX_HISTORY = 100;
/** Bounds by construction: 100 entries and 50 pods of these sizes stay below 256 KiB (a property test holds it). */
const MAX_MESSAGE_BYTES = 512;
const MAX_CHANGES = 13;

export interface ConditionInput {
  readonly type: ConditionType;
  readonly status: Condition['status'];
  readonly reason: string;
  readonly message: string;
}

/** What a reconcile learned; absent fields stay as they were. */
export interface StatusChange {
  readonly observedResourceVersion?: string;
  readonly observedHash?: string;
  readonly desiredHash?: string;
  readonly desiredRevision?: number;
  readonly observedRollback?: string;
  readonly rollback?: Rollback | null;
  readonly equivalentHashes?: readonly string[];
  readonly publishedHash?: string;
  readonly observedRequest?: string;
  readonly observedPolicy?: string;
  readonly doubt?: string;
  readonly observedTime?: string;
  readonly revisionTime?: string;
  readonly conditions?: readonly ConditionInput[];
  readonly targets?: TargetCounts;
  readonly pods?: readonly PodStatus[];
  /** A reload that this one replaced before it came to its end: goes into the history first. */
  readonly superseded?: HistoryEntry;
  /** A concluded reload: goes to the top of the history and into the stats. */
  readonly entry?: HistoryEntry;
  /** Every target runs the observed hash. */
  readonly isApplied?: boolean;
}

export interface StatusContext {
  readonly generation: number;
  readonly now: Date;
  readonly historyLimit: number;
}

/** (previous status, what was learned) → next status. The previous one may be damaged by other hands: it is read leniently. */
export function nextStatus(
  previous: Partial<ConfigReloadStatus> | undefined,
  change: StatusChange,
  { generation, now, historyLimit }: StatusContext,
): ConfigReloadStatus {
  const before = repairStatus(previous);
  const { conditions = [], targets, pods, isApplied, superseded, entry, ...observed } = change;
  // A write whose answer was lost is repeated: the same entry counts once.
  const entries = [entry, superseded].filter(
    (one) => one !== undefined && !before.history.some(({ id }) => id === one.id),
  ) as HistoryEntry[];
  const next = { ...before, ...observed, observedGeneration: generation };
  const hasMoved =
    isApplied === true && (next.appliedHash !== next.desiredHash || next.appliedRevision !== next.desiredRevision);
  return {
    ...next,
    doubt: isApplied ? '' : next.doubt,
    appliedHash: isApplied ? next.desiredHash : next.appliedHash,
    appliedRevision: isApplied ? next.desiredRevision : next.appliedRevision,
    lastKnownGood: hasMoved
      ? { revision: next.desiredRevision, hash: next.desiredHash, time: toSeconds(now) }
      : next.lastKnownGood,
    conditions: conditions.reduce((all, one) => setCondition(all, one, { generation, now }), before.conditions),
    targets: targets ?? next.targets,
    podsReady: targets ? `${targets.reloaded}/${targets.total}` : next.podsReady,
    pods: pods ? boundPods(pods) : next.pods,
    stats: entries.toReversed().reduce(countEntry, next.stats),
    history: [...entries.map(boundEntry), ...next.history].slice(0, Math.min(historyLimit, MAX_HISTORY)),
  };
}

export function findCondition(status: ConfigReloadStatus, type: ConditionType): Condition | undefined {
  return status.conditions.find((condition) => condition.type === type);
}

/** Whether a rollout began that did not come to its end. */
export function isUnderWay(status: ConfigReloadStatus): boolean {
  return findCondition(status, 'Progressing')?.status === 'True';
}

/** Whether a target was tried, and is not proven. */
export function isFailed({ result }: PodStatus): boolean {
  return result !== 'success' && result !== 'pending' && result !== 'skipped';
}

/**
 * Whether two statuses say the same: what need not be written is not written. Times of pods alone do not count, nor does the
 * order of fields (the API server has its own), nor whether "not yet" is an empty field or none.
 */
export function isSameStatus(a: ConfigReloadStatus, b: ConfigReloadStatus): boolean {
  return canonical(a) === canonical(b);
}

function canonical(status: ConfigReloadStatus): string {
  const timeless = { ...status, pods: status.pods.map((pod) => ({ ...pod, time: '' })) };
  return JSON.stringify(timeless, (_key, value: unknown) => {
    if (isBlank(value)) return undefined;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).toSorted(([x], [y]) => (x < y ? -1 : 1)));
  });
}

/** "Not yet": left out where a status is written, as `omitempty` does. */
export function isBlank(value: unknown): boolean {
  return value === '' || value === null || (Array.isArray(value) && value.length === 0);
}

/** Fills in what is missing or of the wrong shape. */
export function repairStatus(status: Partial<ConfigReloadStatus> | undefined): ConfigReloadStatus {
  const merged = { ...EMPTY_STATUS, ...status };
  return {
    ...merged,
    stats: { ...EMPTY_STATUS.stats, ...merged.stats },
    targets: { ...EMPTY_STATUS.targets, ...merged.targets },
    lastKnownGood: { ...EMPTY_STATUS.lastKnownGood, ...merged.lastKnownGood },
    observedTime: repairTime(merged.observedTime),
    revisionTime: repairTime(merged.revisionTime),
    equivalentHashes: Array.isArray(merged.equivalentHashes) ? merged.equivalentHashes : [],
    conditions: objectsOf(merged.conditions).map((one) => ({ ...{ reason: '', message: '' }, ...one })),
    pods: objectsOf(merged.pods).map((pod) => ({ ...EMPTY_POD, ...pod })),
    history: objectsOf(merged.history).map((entry) => ({ ...EMPTY_ENTRY, ...entry })),
  };
}

/** The API server takes times that no calendar has. */
const repairTime = (time: string) => (Number.isNaN(Date.parse(time)) ? '' : time);

/** Empty fields are not stored: they come back as what they were. */
const EMPTY_POD: PodStatus = {
  name: '',
  uid: '',
  container: '',
  containerID: '',
  strategy: 'none',
  hash: '',
  result: 'pending',
  reason: '',
  message: '',
  time: '',
};
const EMPTY_ENTRY: HistoryEntry = {
  id: '',
  timestamp: '',
  trigger: 'configmap',
  result: ReloadResult.ioError,
  reason: '',
  oldHash: '',
  newHash: '',
  revision: 0,
  changes: [],
  errorMessage: '',
  durationMs: 0,
  author: '',
  targets: NO_TARGETS,
};

function objectsOf<T>(list: readonly T[]): readonly T[] {
  const items: readonly unknown[] = Array.isArray(list) ? list : [];
  return items.filter((item): item is T => typeof item === 'object' && item !== null);
}

/** RFC 3339 without fractions, as metav1.Time is. */
export function toSeconds(time: Date): string {
  return time.toISOString().replace(/\.\d{3}Z$/, 'Z');
}

function setCondition(
  all: readonly Condition[],
  input: ConditionInput,
  { generation, now }: Pick<StatusContext, 'generation' | 'now'>,
): Condition[] {
  const before = all.find(({ type }) => type === input.type);
  const next: Condition = {
    ...input,
    message: fitBytes(input.message, 2 * MAX_MESSAGE_BYTES),
    observedGeneration: generation,
    lastTransitionTime: before?.status === input.status ? before.lastTransitionTime : toSeconds(now),
  };
  return before ? all.map((one) => (one.type === input.type ? next : one)) : [...all, next];
}

const URGENCY: Readonly<Record<PodStatus['result'], number>> = {
  io_error: 0,
  validation_failed: 0,
  file_not_found: 0,
  already_in_progress: 0,
  pending: 1,
  skipped: 2,
  success: 3,
};

/** At most 50, failing first. */
function boundPods(pods: readonly PodStatus[]): PodStatus[] {
  return pods
    .toSorted((a, b) => URGENCY[a.result] - URGENCY[b.result])
    .slice(0, MAX_PODS)
    .map((pod) => ({ ...pod, message: fitBytes(pod.message, MAX_MESSAGE_BYTES) }));
}

function boundEntry(entry: HistoryEntry): HistoryEntry {
  return {
    ...entry,
    errorMessage: fitBytes(entry.errorMessage, MAX_MESSAGE_BYTES),
    changes: entry.changes.slice(0, MAX_CHANGES),
  };
}

/** The number a text gets: its own again where it is the last known good or the newest text, else one more than any before. */
export function revisionFor(hash: string, status: ConfigReloadStatus): number {
  const { desiredHash, desiredRevision, lastKnownGood, history } = status;
  if (lastKnownGood.revision > 0 && lastKnownGood.hash === hash) return lastKnownGood.revision;
  const known = [
    { hash: desiredHash, revision: desiredRevision },
    { hash: lastKnownGood.hash, revision: lastKnownGood.revision },
    ...history.map(({ newHash, revision }) => ({ hash: newHash, revision })),
  ];
  const newest = known.reduce((best, one) => (one.revision > best.revision ? one : best));
  return newest.revision > 0 && newest.hash === hash ? newest.revision : newest.revision + 1;
}

function countEntry(stats: ConfigReloadStatus['stats'], entry: HistoryEntry): ConfigReloadStatus['stats'] {
  const isSuccess = entry.result === ReloadResult.success;
  return {
    totalReloads: stats.totalReloads + 1,
    successfulReloads: stats.successfulReloads + (isSuccess ? 1 : 0),
    failedReloads: stats.failedReloads + (isSuccess ? 0 : 1),
    lastReloadTime: entry.timestamp,
    lastReloadResult: entry.result,
  };
}
