import type { ValidationOutcome } from './validation.ts';

export interface ValidateOptions {
  /** Largest text, in bytes; default 65536 (64 KiB). */
  readonly maxBytes?: number;
}

/** PLACEHOLDER until the validator lands. */
export function validateConfig(_content: string | Uint8Array, _options: ValidateOptions = {}): ValidationOutcome {
  throw new Error('not yet');
}
