import type { ConfigChange } from './config-diff.ts';
import type { ReloadTrigger } from './reload-event.ts';
import type { Rollback } from './rollback.ts';
import type { ReloadResult } from './reload-result.ts';

/** metav1.Condition. */
export interface Condition {
  readonly type: ConditionType;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly observedGeneration: number;
  /** RFC 3339, seconds. Moves when `status` does. */
  readonly lastTransitionTime: string;
  readonly reason: string;
  readonly message: string;
}
/** `HistoryDegraded` is there only while the status is shorter than it should be. */
export type ConditionType = 'Valid' | 'Reloaded' | 'Progressing' | 'HistoryDegraded';

export interface TargetCounts {
  readonly total: number;
  readonly reloaded: number;
  readonly pending: number;
  readonly failed: number;
  readonly skipped: number;
}

/** One container of one pod, as the status shows it. */
export interface PodStatus {
  readonly name: string;
  readonly uid: string;
  readonly container: string;
  /** The container instance this speaks of: a restarted container is looked at anew. */
  readonly containerID: string;
  readonly strategy: 'endpoint' | 'signal' | 'none';
  /** What is proven to run there; empty: not known. */
  readonly hash: string;
  readonly result: ReloadResult | 'pending' | 'skipped';
  readonly reason: string;
  readonly message: string;
  readonly time: string;
}

/** A ReloadEvent as the status keeps it: without the configurations, with its targets. */
export interface HistoryEntry {
  readonly id: string;
  readonly timestamp: string;
  readonly trigger: ReloadTrigger;
  readonly result: ReloadResult;
  readonly reason: string;
  readonly oldHash: string;
  readonly newHash: string;
  readonly revision: number;
  readonly changes: readonly ConfigChange[];
  readonly errorMessage: string;
  readonly durationMs: number;
  /** Field manager that last wrote the data. */
  readonly author: string;
  readonly targets: TargetCounts;
}

export interface Stats {
  readonly totalReloads: number;
  readonly successfulReloads: number;
  readonly failedReloads: number;
  readonly lastReloadTime: string;
  readonly lastReloadResult: ReloadResult | '';
}

/** `status` of a ConfigReload (`configreloads.reload.leindex.io`, v1alpha1). Empty strings and zeros stand for "not yet". */
export interface ConfigReloadStatus {
  readonly observedGeneration: number;
  readonly observedResourceVersion: string;
  readonly observedHash: string;
  /** Text that is to run: the seen one if it is valid, or that of a rollback. */
  readonly desiredHash: string;
  /** Its number; 0 where there is none. */
  readonly desiredRevision: number;
  /** The value of `rollback-to` that was served last. */
  readonly observedRollback: string;
  readonly rollback: Rollback | null;
  /** Texts with the effective values of `desiredHash`, which targets may go on running. */
  readonly equivalentHashes: readonly string[];
  /** Text last written to the ConfigMap that `publish-to` names. */
  readonly publishedHash: string;
  /** The value of `requested-at` that was served last. */
  readonly observedRequest: string;
  /** The policy, fingerprinted, under which the present text was rolled out: a change of it lifts a halt. */
  readonly observedPolicy: string;
  /** What records must carry to count, since an earlier rollout did not come to its end; see `doubt.ts`. Empty: none. */
  readonly doubt: string;
  /** When that revision was first seen: a container that started later has read it. */
  readonly revisionTime: string;
  /** When the present text was first seen: a change's duration is counted from here, also across a restart. */
  readonly observedTime: string;
  readonly appliedHash: string;
  readonly appliedRevision: number;
  readonly conditions: readonly Condition[];
  readonly stats: Stats;
  readonly targets: TargetCounts;
  /** `3/3`: targets that run the observed text, of all; what `kubectl get` shows. */
  readonly podsReady: string;
  readonly pods: readonly PodStatus[];
  readonly history: readonly HistoryEntry[];
  readonly lastKnownGood: { readonly revision: number; readonly hash: string; readonly time: string };
}

export const NO_TARGETS: TargetCounts = { total: 0, reloaded: 0, pending: 0, failed: 0, skipped: 0 };

export const EMPTY_STATUS: ConfigReloadStatus = {
  observedGeneration: 0,
  observedResourceVersion: '',
  observedHash: '',
  desiredHash: '',
  desiredRevision: 0,
  observedRollback: '',
  rollback: null,
  equivalentHashes: [],
  publishedHash: '',
  observedRequest: '',
  observedPolicy: '',
  doubt: '',
  revisionTime: '',
  observedTime: '',
  appliedHash: '',
  appliedRevision: 0,
  conditions: [],
  stats: { totalReloads: 0, successfulReloads: 0, failedReloads: 0, lastReloadTime: '', lastReloadResult: '' },
  targets: NO_TARGETS,
  podsReady: '',
  pods: [],
  history: [],
  lastKnownGood: { revision: 0, hash: '', time: '' },
};
