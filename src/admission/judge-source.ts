import { type Annotations, describeProblem, readPolicy } from '../core/annotations.ts';
import { printable } from '../core/printable.ts';
import { type ConfigMapData, selectKey } from '../core/select-key.ts';
import type { Validate, Violation } from '../core/validation.ts';

/** What is said of a ConfigMap that somebody wants to write. */
export interface Verdict {
  readonly allowed: boolean;
  /** Why not, for the person at `kubectl apply`; empty where it is allowed. */
  readonly message: string;
  readonly warnings: readonly string[];
}

/** What the text of a ConfigMap has to be judged by; bounded but for the text. */
export interface SourceText {
  /** Of the data, fit to be shown. */
  readonly key: string;
  readonly content: Uint8Array;
  /** Of the annotations. */
  readonly warnings: readonly string[];
}

export type AnnotatedData = ConfigMapData & { readonly annotations: Annotations };

const MOST_SHOWN = 10;
const ALLOWED: Verdict = { allowed: true, message: '', warnings: [] };

/** Whether a ConfigMap may be written: one that has not opted in always; else its annotations and its text have to be right. */
export async function judgeSource(source: AnnotatedData, validate: Validate): Promise<Verdict> {
  const reading = readSource(source);
  return 'allowed' in reading ? reading : judgeText(reading, validate);
}

/** The verdict, where it does not hang on the text. */
export function readSource(source: AnnotatedData): Verdict | SourceText {
  const reading = readPolicy(source.annotations);
  if (reading.kind === 'notOptedIn') return ALLOWED;
  if (reading.kind === 'malformed') {
    return { allowed: false, message: listed(reading.problems.map(describeProblem)), warnings: [] };
  }
  const selected = selectKey(source, reading.policy.key);
  const warnings = reading.warnings.slice(0, MOST_SHOWN);
  return selected.found
    ? { key: printable(selected.key, 253), content: selected.content, warnings }
    : { allowed: false, message: selected.message, warnings };
}

export async function judgeText({ key, content, warnings: doubts }: SourceText, validate: Validate): Promise<Verdict> {
  const outcome = await validate(content);
  const place = showViolation(key);
  const warnings = [...doubts, ...outcome.warnings.map(place)].slice(0, MOST_SHOWN);
  return outcome.valid
    ? { allowed: true, message: '', warnings }
    : { allowed: false, message: listed(outcome.violations.map(place)), warnings };
}

const showViolation =
  (key: string) =>
  ({ path, rule, message, line, column }: Violation): string =>
    `${key}:${line}:${column} ${path}: ${message} [${rule}]`;

function listed(lines: readonly string[]): string {
  const more = lines.length > MOST_SHOWN ? `; and ${lines.length - MOST_SHOWN} more` : '';
  return lines.slice(0, MOST_SHOWN).join('; ') + more;
}
