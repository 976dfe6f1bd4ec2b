import type { Violation } from '../core/validation.ts';
import type { AnnotationFindings } from './judge-annotations.ts';

/** What is found in the annotations of a ConfigMap, beside its text. */
export interface PlacedFindings extends AnnotationFindings {
  /** What `FILE:LINE:COLUMN` says of them. */
  readonly file: string;
  /** The lines that they count in. */
  readonly lines: readonly string[];
}

/** One config text that the command line was given: a file, or a key of a ConfigMap in a manifest. */
export interface ConfigText {
  /** `FILE`, or `FILE (ConfigMap NAMESPACE/NAME, key KEY)`. */
  readonly source: string;
  /** What `FILE:LINE:COLUMN` says of it. */
  readonly file: string;
  readonly content: Uint8Array;
  /** The lines that violations count in: those of the file where that can be told truly, else those of the value. */
  readonly lines: readonly string[];
  /** From a place in the value to one in `lines`. */
  readonly place: (at: { line: number; column: number }) => { line: number; column: number };
  /** Of the ConfigMap that holds the text. */
  readonly annotations?: PlacedFindings;
}

/** A manifest, or a ConfigMap in it, that holds no config text to look at. */
export interface MissingText {
  readonly source: string;
  readonly file: string;
  readonly lines: readonly string[];
  readonly violation: Violation;
  /** Of the ConfigMap that should hold it. */
  readonly annotations?: PlacedFindings;
}

export type Input = ConfigText | MissingText;

/** A text that is looked at by itself: a place in it is one of what `source` names. */
export function wholeText(source: string, content: Uint8Array): ConfigText {
  const lines = splitLines(new TextDecoder().decode(content));
  return { source, file: source, content, lines, place: (at) => at };
}

/** Lines as the validator counts them: CRLF, CR and LF end one. */
export function splitLines(text: string): string[] {
  return text.split(/\r\n?|\n/);
}
