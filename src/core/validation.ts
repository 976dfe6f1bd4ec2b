import type { LeIndexConfig } from './leindex-config.ts';

/** One thing wrong with a config text. Values are shown for fields of the schema only (promise 10, secrecy). */
export interface Violation {
  /** Dotted field path (`memory.total_budget_mb`), or `$` for the document as a whole. */
  readonly path: string;
  /** kebab-case name of the rule, stable: `range`, `unknown-key`, `duplicate-key`, … */
  readonly rule: string;
  /** For people: what is wrong, the offending value where it may be shown, and what would be valid. */
  readonly message: string;
  /** 1-based. */
  readonly line: number;
  /** 1-based, in UTF-16 code units. */
  readonly column: number;
}

export interface Accepted {
  readonly valid: true;
  /** `sha256:<hex>` of the text's bytes. */
  readonly hash: string;
  /** Effective values, deeply frozen. */
  readonly config: LeIndexConfig;
  readonly warnings: readonly Violation[];
}

export interface Rejected {
  readonly valid: false;
  readonly hash: string;
  /** In the order of the text, at least one. */
  readonly violations: readonly [Violation, ...Violation[]];
  readonly warnings: readonly Violation[];
}

export type ValidationOutcome = Accepted | Rejected;

/** Validation that never holds the event loop: what the manager and the operator are given (made in `gate/`). */
export type Validate = (content: Uint8Array) => Promise<ValidationOutcome>;
