import { targetReasons, type TargetReason } from '../core/reasons.ts';
import { ReloadTargetError, type Candidate, type ReloadTarget } from './reload-target.ts';
import { sleepQuietly } from './sleep-quietly.ts';

interface RetryOptions {
  /** Tries in all, the first included. */
  readonly attempts: number;
  /** Before the second try, in milliseconds; doubled each time, less up to half by chance. */
  readonly firstDelayMs: number;
  readonly random?: () => number;
}

/** Tries a target again where its reason says that another try may help. */
export class RetryingTarget implements ReloadTarget {
  readonly readsFile: boolean;
  readonly #target: ReloadTarget;
  readonly #options: RetryOptions;

  constructor(target: ReloadTarget, options: RetryOptions) {
    this.#target = target;
    this.#options = options;
    this.readsFile = target.readsFile;
  }

  async apply(candidate: Candidate, signal: AbortSignal): Promise<TargetReason> {
    const { attempts, firstDelayMs, random = Math.random } = this.#options;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#target.apply(candidate, signal);
      } catch (error) {
        if (attempt >= attempts || signal.aborted || !mayRetry(error)) throw error;
        await sleepQuietly(firstDelayMs * 2 ** (attempt - 1) * (1 - random() / 2), signal);
      }
    }
  }
}

function mayRetry(error: unknown): boolean {
  if (!(error instanceof ReloadTargetError)) return true;
  // A process that is just starting has no name or handler yet: what a controller would wait for, a neighbour tries again.
  if (error.reason === 'ProcessNotFound' || error.reason === 'PublishFailed') return true;
  return targetReasons[error.reason].next === 'retry';
}
