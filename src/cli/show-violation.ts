import { printable } from '../core/printable.ts';
import type { Violation } from '../core/validation.ts';

const WIDTH = 100;

export interface Excerpt {
  readonly violation: Violation;
  readonly kind: 'error' | 'warning';
  /** What stands before `:LINE:COLUMN`. */
  readonly file: string;
  readonly lines: readonly string[];
  readonly isColoured: boolean;
}

/** `FILE:LINE:COLUMN: error: MESSAGE [RULE]`, the line below it, and a caret; foreign characters are escaped. */
export function showViolation({ violation, kind, file, lines, isColoured }: Excerpt): string {
  const { line, column, message, rule } = violation;
  const paint = (code: number, text: string) => (isColoured ? `\u001b[${code}m${text}\u001b[0m` : text);
  const label = kind === 'error' ? paint(31, 'error') : paint(33, 'warning');
  const head = `${escape(file)}:${line}:${column}: ${label}: ${escape(message)} [${rule}]`;
  const text = lines[line - 1];
  if (text === undefined || text.trim() === '') return `${head}\n`;
  const start = Math.max(0, column - 1 - Math.floor(WIDTH / 2));
  const before = escape(text.slice(start, column - 1));
  const shown = before + escape(text.slice(column - 1, start + WIDTH));
  const number = String(line).padStart(5);
  return `${head}\n${paint(2, `${number} |`)} ${shown}\n      ${paint(2, '|')} ${' '.repeat(before.length)}${paint(31, '^')}\n`;
}

function escape(text: string): string {
  return printable(text.replaceAll('\t', ' '), text.length);
}
