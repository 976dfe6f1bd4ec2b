import type { Violation } from '../core/validation.ts';

/** The first violations as one line for a log or an event, with how many more there are. */
export function describeViolations(violations: readonly Violation[]): string {
  const shown = violations
    .slice(0, 3)
    .map(({ line, column, path, message }) => `line ${line}, column ${column}: ${path}: ${message}`);
  const more = violations.length - shown.length;
  return shown.join('; ') + (more > 0 ? `; and ${more} more` : '');
}
