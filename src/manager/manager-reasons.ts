import { ReloadResult } from '../core/reload-result.ts';
import type { TargetReason } from '../core/reasons.ts';

const { success, validationFailed, fileNotFound, alreadyInProgress, ioError } = ReloadResult;

/** How a reload inside the process ended: reason → the result it counts as. What a target adds is in `core/reasons.ts`. */
export const managerReasons = {
  /** A new configuration runs. */
  Reloaded: success,
  /** The text already runs: no observer was called. */
  Unchanged: success,
  /** The file still holds a text that a push replaced: what runs stays (promise 5). */
  FileSuperseded: success,
  /** The text is valid and would be loaded; nothing was changed. */
  DryRun: success,

  ValidationFailed: validationFailed,
  ConfigTooLarge: validationFailed,

  FileMissing: fileNotFound,

  ReloadInProgress: alreadyInProgress,

  /** A directory, FIFO, device or socket. */
  NotAFile: ioError,
  FileUnreadable: ioError,
  /** The file changed while it was read, again and again. */
  FileUnstable: ioError,
  /** The validator itself failed: a text that could not be validated is not loaded (promise 1). */
  ValidatorFailed: ioError,
  /** The pushed text has another hash than the one that came with it. */
  HashMismatch: ioError,
  /** The file did not reach the named hash in time. */
  PropagationTimeout: ioError,
  /** The caller went away before anything was changed. */
  Aborted: ioError,
  /** The validated text could not be written for the process that reads it. */
  PublishFailed: ioError,
} as const satisfies Record<string, ReloadResult>;

export type ManagerReason = keyof typeof managerReasons;

/** Everything a ReloadEvent of the manager can name. */
export type ReloadReason = ManagerReason | TargetReason;
