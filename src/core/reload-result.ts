/** How a reload ended. Exactly these five values, in the library, HTTP answers, status and metrics. */
export const ReloadResult = {
  success: 'success',
  validationFailed: 'validation_failed',
  /** No file, no ConfigMap, or no key in it. */
  fileNotFound: 'file_not_found',
  alreadyInProgress: 'already_in_progress',
  /** Everything else: exec, network, time-out, crash. */
  ioError: 'io_error',
} as const;

export type ReloadResult = (typeof ReloadResult)[keyof typeof ReloadResult];

export const RELOAD_RESULTS: readonly ReloadResult[] = Object.values(ReloadResult);
