import { isContentHash } from '../core/content-hash.ts';
import type { ReloadEvent, ReloadTrigger } from '../core/reload-event.ts';
import type { ReloadResult } from '../core/reload-result.ts';
import type { Violation } from '../core/validation.ts';
import type { ReloadReason } from './manager-reasons.ts';

/** What to reload. Nothing given: re-read the file. */
export interface ReloadRequest {
  /** Recorded as what asked; default `api`. `rollback` may go back to a text that a push replaced. */
  readonly trigger?: ReloadTrigger;
  /** `sha256:<hex>`. Alone: wait until the file has it. With `config`: what the text must hash to. */
  readonly hash?: string;
  /** The text itself: used instead of the file's. */
  readonly config?: string | Uint8Array;
  /** Reload although the text already runs; also takes a file text that a push replaced. */
  readonly force?: boolean;
  /** Validate and compare; change and record nothing. */
  readonly dryRun?: boolean;
  /** Gives up waiting, and the reload itself up to the moment before it changes anything. */
  readonly signal?: AbortSignal;
}

/** How a request ended. Frozen. */
export interface ReloadOutcome {
  readonly result: ReloadResult;
  readonly reason: ReloadReason;
  /** The hash of the text the request was about; null where none could be read. */
  readonly hash: string | null;
  /** Whether the text already ran, so that nothing was done and no observer called. */
  readonly unchanged: boolean;
  readonly violations: readonly Violation[];
  readonly warnings: readonly Violation[];
  /** As recorded in the history; of a dry run, as it would have been. */
  readonly event: ReloadEvent;
}

const triggers: ReadonlySet<string> = new Set<ReloadTrigger>([
  'configmap',
  'file',
  'signal',
  'endpoint',
  'api',
  'rollback',
  'requested',
]);

export function isReloadTrigger(word: unknown): word is ReloadTrigger {
  return typeof word === 'string' && triggers.has(word);
}

/** @throws TypeError naming what is wrong with the request. */
export function checkRequest(request: ReloadRequest): void {
  const { trigger, hash, config } = request as Readonly<Record<keyof ReloadRequest, unknown>>;
  if (trigger !== undefined && !isReloadTrigger(trigger))
    throw new TypeError('trigger is not one of the known triggers');
  if (hash !== undefined && !(typeof hash === 'string' && isContentHash(hash))) {
    throw new TypeError('hash must be sha256: and 64 lower-case hexadecimal digits');
  }
  if (config === undefined || config instanceof Uint8Array) return;
  if (typeof config !== 'string') throw new TypeError('config must be the configuration text');
  if (!config.isWellFormed()) throw new TypeError('config holds half of a surrogate pair, which no file can hold');
}
