import { randomUUID } from 'node:crypto';
import type { ConfigChange } from './config-diff.ts';
import type { LeIndexConfig } from './leindex-config.ts';
import { ReloadResult } from './reload-result.ts';

/** What asked for a reload. */
export type ReloadTrigger = 'configmap' | 'file' | 'signal' | 'endpoint' | 'api' | 'rollback' | 'requested';

interface ReloadEventBase {
  /** Unique, never reused. */
  readonly id: string;
  /** When the reload ended, RFC 3339 in UTC with milliseconds. */
  readonly timestamp: string;
  readonly trigger: ReloadTrigger;
  /** UpperCamelCase; one of the words of `reasons.ts`. */
  readonly reason: string;
  /** `sha256:<hex>` of the text that ran before; null where none did. */
  readonly oldHash: string | null;
  /** `sha256:<hex>` of the text that was to run; null where none could be read. */
  readonly newHash: string | null;
  readonly revision: number | null;
  /** Effective values that differ, by path; empty on failure. */
  readonly changes: readonly ConfigChange[];
  readonly durationMs: number;
  readonly oldConfig: LeIndexConfig | null;
}

export interface ReloadSucceeded extends ReloadEventBase {
  readonly result: 'success';
  readonly newHash: string;
  readonly newConfig: LeIndexConfig;
  readonly errorMessage: null;
}

export interface ReloadFailed extends ReloadEventBase {
  readonly result: Exclude<ReloadResult, 'success'>;
  readonly newConfig: null;
  /** What went wrong and what would be right; never empty. */
  readonly errorMessage: string;
}

/** One reload, as it ended. A success has a configuration and a failure has a message: nothing else can be built. */
export type ReloadEvent = ReloadSucceeded | ReloadFailed;

/** A ReloadEvent without its configurations: what leaves the process (HTTP, status, webhooks, disk). */
export type ReloadRecord =
  Omit<ReloadSucceeded, 'oldConfig' | 'newConfig'> | Omit<ReloadFailed, 'oldConfig' | 'newConfig'>;

interface Common {
  readonly id?: string;
  readonly at: Date;
  readonly trigger: ReloadTrigger;
  readonly reason: string;
  readonly oldHash: string | null;
  readonly oldConfig: LeIndexConfig | null;
  readonly durationMs: number;
  readonly revision?: number | null;
}

export interface SuccessInput extends Common {
  readonly newHash: string;
  readonly newConfig: LeIndexConfig;
  readonly changes: readonly ConfigChange[];
}

export interface FailureInput extends Common {
  readonly result: Exclude<ReloadResult, 'success'>;
  readonly newHash: string | null;
  readonly errorMessage: string;
}

/** @throws TypeError where the new configuration is missing. */
export function reloadSucceeded(input: SuccessInput): ReloadSucceeded {
  if ((input.newConfig as unknown) == null) throw new TypeError('a successful reload needs its new configuration');
  return Object.freeze({
    ...base(input),
    result: ReloadResult.success,
    newHash: input.newHash,
    changes: Object.freeze([...input.changes]),
    newConfig: input.newConfig,
    errorMessage: null,
  });
}

/** @throws TypeError where the error message is missing or the result is `success`. */
export function reloadFailed(input: FailureInput): ReloadFailed {
  if (!input.errorMessage) throw new TypeError('a failed reload needs an error message');
  if ((input.result as ReloadResult) === ReloadResult.success)
    throw new TypeError('a failed reload cannot be a success');
  return Object.freeze({
    ...base(input),
    result: input.result,
    newHash: input.newHash,
    changes: Object.freeze([]),
    newConfig: null,
    errorMessage: input.errorMessage,
  });
}

/** The event as it may leave the process. */
export function toRecord(event: ReloadEvent): ReloadRecord {
  const { oldConfig: _old, newConfig: _new, ...record } = event;
  return record;
}

function base(input: Common) {
  return {
    id: input.id ?? randomUUID(),
    timestamp: input.at.toISOString(),
    trigger: input.trigger,
    reason: input.reason,
    oldHash: input.oldHash,
    revision: input.revision ?? null,
    durationMs: Math.max(0, Math.round(input.durationMs * 1000) / 1000),
    oldConfig: input.oldConfig,
  };
}
