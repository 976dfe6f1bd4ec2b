import type { TargetReason } from '../core/reasons.ts';
import type { LeIndexConfig } from '../core/leindex-config.ts';

/** A text that passed validation, on its way to run. */
export interface Candidate {
  readonly bytes: Uint8Array;
  readonly hash: string;
  readonly config: LeIndexConfig;
}

/**
 * What must take over a validated text before the manager counts it as running: another process, by signal or HTTP.
 * Without one, the manager's own process is the target and the swap is all there is.
 */
export interface ReloadTarget {
  /** Whether it reads the configuration file itself, so that a pushed text can reach it only through the file. */
  readonly readsFile: boolean;
  /** Resolves with the reason of success. @throws ReloadTargetError */
  apply(candidate: Candidate, signal: AbortSignal): Promise<TargetReason>;
}

/** The target did not take the text over; it runs what it ran. */
export class ReloadTargetError extends Error {
  readonly reason: TargetReason | 'PublishFailed';

  constructor(reason: TargetReason | 'PublishFailed', message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ReloadTargetError';
    this.reason = reason;
  }
}
