import { parentPort } from 'node:worker_threads';
import { validateConfig, type ValidateOptions } from '../core/validate-config.ts';
import type { ValidationOutcome } from '../core/validation.ts';

/** The thread in which a text is validated. It says `ready` once, then answers each request in turn. */
export interface WorkerRequest {
  readonly content: Uint8Array;
  readonly options: ValidateOptions;
}

export type WorkerMessage =
  { readonly type: 'ready' } | { readonly type: 'outcome'; readonly outcome: ValidationOutcome };

parentPort?.on('message', ({ content, options }: WorkerRequest) => {
  post({ type: 'outcome', outcome: validateConfig(content, options) });
});
post({ type: 'ready' });

function post(message: WorkerMessage): void {
  parentPort?.postMessage(message);
}
