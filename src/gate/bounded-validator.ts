import { validateConfig, type ValidateOptions } from '../core/validate-config.ts';
import type { Validate } from '../core/validation.ts';

export interface BoundedValidatorOptions extends ValidateOptions {
  /** Longest time one text may take, in milliseconds; default 2000. */
  readonly deadlineMs?: number;
}

export interface BoundedValidator {
  readonly validate: Validate;
  close(): Promise<void>;
}

/** First step: inline; the worker follows. */
export function createBoundedValidator(options: BoundedValidatorOptions = {}): BoundedValidator {
  return {
    validate: (content) => Promise.resolve(validateConfig(content, options)),
    close: () => Promise.resolve(),
  };
}
