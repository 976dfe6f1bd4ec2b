import { validateConfig } from '../core/validate-config.ts';
import { serveThread } from '../gate/serve-thread.ts';
import type { WorkerRequest } from '../gate/validate-worker.ts';
import { readReview } from './read-review.ts';

/** The webhook's thread: parses what was sent, and validates the text in it, one after the other. */
export type ReviewRequest = { readonly body: Uint8Array } | WorkerRequest;

serveThread((request: ReviewRequest) =>
  'body' in request ? readReview(request.body) : validateConfig(request.content, request.options),
);
