import { contentHash } from '../core/content-hash.ts';
import { DEFAULT_MAX_BYTES } from '../core/read-bytes.ts';
import type { ValidateOptions } from '../core/validate-config.ts';
import type { Rejected, Validate, ValidationOutcome } from '../core/validation.ts';
import { findWorker } from './find-worker.ts';
import { Quarantine } from './quarantine.ts';
import type { WorkerRequest } from './validate-worker.ts';
import { TooCostlyError, WorkerClient } from './worker-client.ts';

/** A text of this size is validated within a few milliseconds, whatever is in it (docs/validation.md has the measurements). */
const DEFAULT_INLINE_BYTES = 8192;

export interface BoundedValidatorOptions extends ValidateOptions {
  /** Longest time one text may take, in milliseconds; default 2000. */
  readonly deadlineMs?: number;
  /** Texts up to this size are validated at once, larger ones in a thread; default 8192 bytes. */
  readonly inlineBytes?: number;
  /** The thread ends after so many milliseconds without work; default 30000. */
  readonly idleMs?: number;
  /** How many texts that cost too much are remembered; default 256. */
  readonly quarantineSize?: number;
  /** @internal Another thread, for tests. */
  readonly workerEntry?: URL;
  /** @internal A thread that does other work, too; it belongs to the validator from now on. */
  readonly thread?: ValidationThread;
}

interface ValidationThread {
  run(request: WorkerRequest): Promise<ValidationOutcome>;
  stop(): Promise<void>;
}

export interface BoundedValidator {
  /**
   * As `validateConfig`, without holding the event loop. A text over the deadline is refused by the rule `too-costly`, and at once
   * the next time. Rejects only where the thread cannot start or the validator was closed: then nothing is known about the text.
   */
  readonly validate: Validate;
  close(): Promise<void>;
}

export function createBoundedValidator(options: BoundedValidatorOptions = {}): BoundedValidator {
  const {
    deadlineMs = 2000,
    inlineBytes = DEFAULT_INLINE_BYTES,
    idleMs = 30_000,
    quarantineSize = 256,
    workerEntry = findWorker('validate-worker', import.meta.url),
    thread = new WorkerClient<WorkerRequest, ValidationOutcome>({ entry: workerEntry, deadlineMs, idleMs }),
  } = options;
  const maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES;
  const quarantine = new Quarantine(quarantineSize);

  const validate: Validate = async (content) => {
    // What is too large is refused by its size alone.
    if (content.length <= inlineBytes || content.length > maxBytes) {
      // Loaded with the first text: a controller without sources needs none of it.
      const { validateConfig } = await import('../core/validate-config.ts');
      return validateConfig(content, { maxBytes });
    }
    const hash = contentHash(content);
    if (quarantine.has(hash)) return refuseAsTooCostly(hash, deadlineMs);
    try {
      return freezeDeeply(await thread.run({ content, options: { maxBytes } }));
    } catch (error) {
      if (!(error instanceof TooCostlyError)) throw error;
      quarantine.add(hash);
      return refuseAsTooCostly(hash, deadlineMs);
    }
  };
  return { validate, close: () => thread.stop() };
}

function refuseAsTooCostly(hash: string, deadlineMs: number): Rejected {
  const message = `the text took more than ${deadlineMs} ms or too much memory to read; make it smaller and simpler`;
  return freezeDeeply({
    valid: false,
    hash,
    violations: [{ path: '$', rule: 'too-costly', message, line: 1, column: 1 }],
    warnings: [],
  });
}

/** Freezing does not survive the way between threads. */
function freezeDeeply<Outcome extends ValidationOutcome>(outcome: Outcome): Outcome {
  freeze(outcome);
  return outcome;
}

function freeze(value: object): void {
  for (const part of Object.values(value) as unknown[]) if (typeof part === 'object' && part !== null) freeze(part);
  Object.freeze(value);
}
