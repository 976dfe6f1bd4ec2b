import { validateConfig, type ValidateOptions } from '../core/validate-config.ts';
import { serveThread } from './serve-thread.ts';

/** The thread in which a text is validated. */
export interface WorkerRequest {
  readonly content: Uint8Array;
  readonly options: ValidateOptions;
}

serveThread(({ content, options }: WorkerRequest) => validateConfig(content, options));
