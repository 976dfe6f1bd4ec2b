import type { ValidationOutcome } from '../core/validation.ts';
import { createBoundedValidator } from '../gate/bounded-validator.ts';
import { findWorker } from '../gate/find-worker.ts';
import { WorkerClient } from '../gate/worker-client.ts';
import { answerReview } from './answer-review.ts';
import { readReview, type Review } from './read-review.ts';
import type { ReviewRequest } from './review-worker.ts';

export interface ReviewerOptions {
  readonly maxConfigBytes: number;
  /** Longest time that parsing, or validating, may take, in milliseconds; default 2000. */
  readonly deadlineMs?: number;
  /** Bodies up to this size are parsed at once, larger ones in the thread; default 8192 bytes. */
  readonly inlineBytes?: number;
  /** The thread ends after so many milliseconds without work; default 30000. */
  readonly idleMs?: number;
  /** @internal Another thread, for tests. */
  readonly workerEntry?: URL;
}

export interface Reviewer {
  /**
   * The AdmissionReview to answer with; undefined where the body is none. Rejects where parsing took too long or too much memory,
   * or the thread cannot start: then nothing is known.
   */
  readonly review: (body: Uint8Array) => Promise<object | undefined>;
  close(): Promise<void>;
}

/** Parses and judges what the webhook is sent, without holding the event loop: whatever is not small in one thread, with a limit of memory. */
export function createReviewer(options: ReviewerOptions): Reviewer {
  const { maxConfigBytes, deadlineMs = 2000, inlineBytes = 8192, idleMs = 30_000 } = options;
  const entry = options.workerEntry ?? findWorker('review-worker', import.meta.url);
  const thread = new WorkerClient<ReviewRequest, Review | ValidationOutcome | undefined>({ entry, deadlineMs, idleMs });
  const validator = createBoundedValidator({
    maxBytes: maxConfigBytes,
    deadlineMs,
    thread: { run: (request) => thread.run(request) as Promise<ValidationOutcome>, stop: () => thread.stop() },
  });
  const read = async (body: Uint8Array) =>
    body.length <= inlineBytes ? readReview(body) : ((await thread.run({ body })) as Review | undefined);
  return {
    review: async (body) => {
      const review = await read(body);
      return review && answerReview(review, validator.validate);
    },
    close: () => validator.close(),
  };
}
