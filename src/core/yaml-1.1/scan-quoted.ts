import type { Cursor } from './cursor.ts';

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['0', '\0'],
  ['a', '\x07'],
  ['b', '\b'],
  ['t', '\t'],
  ['\t', '\t'],
  ['n', '\n'],
  ['v', '\v'],
  ['f', '\f'],
  ['r', '\r'],
  ['e', '\x1b'],
  [' ', ' '],
  ['"', '"'],
  ['\\', '\\'],
  ['/', '/'],
  ['N', '\x85'],
  ['_', '\xa0'],
  ['L', '\u2028'],
  ['P', '\u2029'],
]);
const HEX_DIGITS: ReadonlyMap<string, number> = new Map([
  ['x', 2],
  ['u', 4],
  ['U', 8],
]);

/** A quoted scalar, with the cursor on its opening quote: escapes replaced, lines folded; indentation plays no part. */
export function scanQuoted(cursor: Cursor): string {
  const start = cursor.at;
  const quote = cursor.peek();
  cursor.skip();
  const parts: string[] = [];
  for (;;) {
    parts.push(cursor.take(quote === '"' ? /[^"\\ \t\n]*/y : /[^' \t\n]*/y));
    const next = cursor.peek();
    if (next === '') cursor.refuse('this quote is never closed', start);
    if (next === quote) {
      cursor.skip();
      if (quote === '"' || cursor.peek() !== "'") return parts.join('');
      parts.push("'");
      cursor.skip();
    } else if (next === '\\') {
      parts.push(scanEscape(cursor));
    } else {
      parts.push(scanSpaces(cursor));
    }
  }
}

function scanEscape(cursor: Cursor): string {
  cursor.skip();
  const letter = cursor.peek();
  const simple = ESCAPES.get(letter);
  if (simple !== undefined) {
    cursor.skip();
    return simple;
  }
  const length = HEX_DIGITS.get(letter);
  if (length !== undefined) {
    cursor.skip();
    const digits = cursor.text.slice(cursor.at, cursor.at + length);
    const code = new RegExp(`^[0-9A-Fa-f]{${length}}$`).test(digits) ? Number.parseInt(digits, 16) : NaN;
    if (!(code <= 0x10ffff)) cursor.refuse(`\\${letter} takes ${length} hexadecimal digits of a Unicode character`);
    cursor.skip(length);
    return String.fromCodePoint(code);
  }
  if (cursor.skipBreak()) return '\n'.repeat(scanBlankLines(cursor));
  return cursor.refuse('there is no such escape in YAML; write \\\\ for a backslash, or use single quotes');
}

/** Spaces between words stay; a line break with the spaces around it becomes a space, n + 1 of them become n line breaks. */
function scanSpaces(cursor: Cursor): string {
  const spaces = cursor.take(/[ \t]*/y);
  if (!cursor.skipBreak()) return spaces;
  return '\n'.repeat(scanBlankLines(cursor)) || ' ';
}

function scanBlankLines(cursor: Cursor): number {
  for (let count = 0; ; count += 1) {
    if (cursor.isAtDocumentMarker()) cursor.refuse('a quoted value cannot go on past a document marker');
    cursor.take(/[ \t]*/y);
    if (!cursor.skipBreak()) return count;
  }
}
