import type { Cursor } from './cursor.ts';

interface Header {
  readonly chomping: '' | '+' | '-';
  readonly increment: number | undefined;
}

/** A `|` or `>` scalar, with the cursor on its sign. `parentIndent`: the indentation of the collection around it, -1 at the top. */
export function scanBlockScalar(cursor: Cursor, parentIndent: number): string {
  const isFolded = cursor.peek() === '>';
  cursor.skip();
  const { chomping, increment } = scanHeader(cursor);
  const minIndent = Math.max(1, parentIndent + 1);
  let indent: number;
  let breaks: number;
  if (increment === undefined) {
    const found = scanLeadingLines(cursor);
    indent = Math.max(minIndent, found.widest);
    breaks = found.breaks;
  } else {
    indent = minIndent + increment - 1;
    breaks = scanBlankLines(cursor, indent);
  }

  const parts: string[] = [];
  let lastBreak = '';
  while (cursor.column === indent && cursor.peek() !== '') {
    parts.push('\n'.repeat(breaks));
    const startsWithText = !isSpace(cursor.peek());
    parts.push(cursor.take(/[^\n]*/y));
    lastBreak = cursor.skipBreak() ? '\n' : '';
    breaks = scanBlankLines(cursor, indent);
    if (cursor.column !== indent || cursor.peek() === '') break;
    const isJoined = isFolded && lastBreak !== '' && startsWithText && !isSpace(cursor.peek());
    parts.push(isJoined ? (breaks === 0 ? ' ' : '') : lastBreak);
  }
  if (chomping !== '-') parts.push(lastBreak);
  if (chomping === '+') parts.push('\n'.repeat(breaks));
  return parts.join('');
}

function scanHeader(cursor: Cursor): Header {
  const signs = cursor.take(/(?:[-+][0-9]?|[0-9][-+]?)?/y);
  const digit = /[0-9]/.exec(signs)?.[0];
  if (digit === '0') cursor.refuse('the indentation of a block value is 1 to 9');
  if (!/[ \n]|^$/.test(cursor.peek())) cursor.refuse('only + or - and an indentation of 1 to 9 may follow | or >');
  cursor.skipSpacesAndComment();
  if (cursor.peek() !== '' && !cursor.skipBreak()) cursor.refuse('a block value begins on the next line');
  const chomping = signs.includes('+') ? '+' : signs.includes('-') ? '-' : '';
  return { chomping, increment: digit === undefined ? undefined : Number(digit) };
}

/** Blank lines before the text, however far they are indented, and the spaces of the first line with text. */
function scanLeadingLines(cursor: Cursor): { breaks: number; widest: number } {
  let breaks = 0;
  let widest = 0;
  for (;;) {
    cursor.take(/ */y);
    widest = Math.max(widest, cursor.column);
    if (!cursor.skipBreak()) return { breaks, widest };
    breaks += 1;
  }
}

function scanBlankLines(cursor: Cursor, indent: number): number {
  for (let breaks = 0; ; breaks += 1) {
    cursor.skipSpacesTo(indent);
    if (!cursor.skipBreak()) return breaks;
  }
}

function isSpace(character: string): boolean {
  return character === ' ' || character === '\t';
}
