import type { Cursor } from './cursor.ts';

// A plain scalar ends at a blank, at ": " and, inside brackets, at any bracket, comma or question mark.
const BLOCK_WORD = /(?:[^ \t\n:]|:(?![ \t\n]|$))+/y;
const FLOW_WORD = /(?:[^ \t\n:,?[\]{}]|:(?![ \t\n,[\]{}]|$))+/y;

export interface PlainScalar {
  readonly text: string;
  /** Whether the cursor is on a later line than where the scalar's last word began to end. */
  readonly crossedLine: boolean;
}

/** A plain scalar over one or more lines, lines folded. `indent`: the least column of a further line outside brackets. */
export function scanPlain(cursor: Cursor, { indent, isFlow }: { indent: number; isFlow: boolean }): PlainScalar {
  const parts: string[] = [];
  let spaces = '';
  let crossedLine = false;
  for (;;) {
    if (cursor.peek() === '#') break;
    const word = cursor.take(isFlow ? FLOW_WORD : BLOCK_WORD);
    if (word === '') break;
    parts.push(spaces, word);
    crossedLine = false;
    const line = cursor.line;
    spaces = scanSpaces(cursor);
    crossedLine = cursor.line !== line;
    if (spaces === '' || (!isFlow && cursor.column < indent)) break;
  }
  return { text: parts.join(''), crossedLine };
}

/** The folded text between two words; '' where the scalar ends here. */
function scanSpaces(cursor: Cursor): string {
  const spaces = cursor.take(/ */y);
  if (!cursor.skipBreak()) return spaces;
  let blankLines = 0;
  for (;;) {
    if (cursor.isAtDocumentMarker()) return '';
    cursor.take(/ */y);
    if (!cursor.skipBreak()) return '\n'.repeat(blankLines) || ' ';
    blankLines += 1;
  }
}
