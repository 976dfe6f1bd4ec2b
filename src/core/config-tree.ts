import type { RuleName } from './rules.ts';

/** A YAML document as LeIndex sees it: what a parser found, with the offset of each part. Aliases point at the same node. */

/** A plain scalar's value after YAML 1.1's implicit resolution, or a quoted one's text. */
export type ScalarValue =
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'integer'; readonly value: number }
  | { readonly type: 'float'; readonly value: number }
  | { readonly type: 'boolean'; readonly value: boolean }
  | { readonly type: 'null' }
  | { readonly type: 'timestamp' }
  /** Has a type in YAML 1.1 and cannot be read by Python: `2024-02-31`, `0x_`. */
  | { readonly type: 'unreadable' }
  /** Plain `<<` and `=`: keys with a meaning of their own in YAML 1.1, no values. */
  | { readonly type: 'merge' }
  | { readonly type: 'default' };

export interface ScalarNode {
  readonly kind: 'scalar';
  /** Offset into the text, in UTF-16 code units. */
  readonly at: number;
  /** The text as written, without quotes; folded and unescaped. */
  readonly text: string;
  readonly isPlain: boolean;
  readonly scalar: ScalarValue;
}

export interface SequenceNode {
  readonly kind: 'sequence';
  readonly at: number;
  readonly items: ConfigNode[];
}

export interface MappingNode {
  readonly kind: 'mapping';
  readonly at: number;
  /** As written, merge keys included. */
  readonly pairs: (readonly [key: ConfigNode, value: ConfigNode])[];
}

export type ConfigNode = ScalarNode | SequenceNode | MappingNode;

/** One thing found wrong, by offset; a `Violation` before its line and column are counted. */
export interface Finding {
  readonly path: string;
  readonly rule: RuleName;
  readonly message: string;
  readonly at: number;
}
