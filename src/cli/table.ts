import { printable } from '../core/printable.ts';
import { wrapText } from './wrap-text.ts';

/** More than any cell that a person reads in a table. */
const MOST_CHARACTERS = 400;
/** No column of names is cut to less. */
const LEAST_WIDTH = 12;
const GAP = 2;
const INDENT = 4;

export interface TableRow {
  readonly cells: readonly string[];
  /** Lines of their own below the row, indented. */
  readonly details?: readonly string[];
}

/**
 * Columns under their names, two spaces apart, each line with its newline. Foreign characters are escaped; with `width`
 * (columns of the terminal) it fits: the last column is cut at its end, the others, names, in their middle, and details are
 * wrapped.
 */
export function showTable(head: readonly string[], rows: readonly TableRow[], width?: number): string {
  const clean = ({ cells, details = [] }: TableRow) => ({
    cells: cells.map((cell) => printable(cell === '' ? '-' : cell, MOST_CHARACTERS)),
    details: details.flatMap((detail) => wrapText(printable(detail, 2048), { width, indent: INDENT })),
  });
  const all = [{ cells: head, details: [] }, ...rows.map(clean)];
  const natural = head.map((_, column) => Math.max(...all.map(({ cells }) => cells[column]?.length ?? 0)));
  const widths = width === undefined ? natural : fitWidths(natural, { head, width });
  return all
    .flatMap(({ cells, details }) => [joinCells(cells, widths), ...details])
    .map((line) => `${line}\n`)
    .join('');
}

/** The widest column gives, one character after the other; of two the later one. */
function fitWidths(
  natural: readonly number[],
  { head, width }: { readonly head: readonly string[]; readonly width: number },
): readonly number[] {
  const widths = [...natural];
  const gaps = GAP * (widths.length - 1);
  for (let excess = sum(widths) + gaps - width; excess > 0; excess--) {
    const spare = widths.map((one, column) => (one > Math.max(LEAST_WIDTH, head[column]?.length ?? 0) ? one : 0));
    const widest = spare.lastIndexOf(Math.max(...spare));
    // A terminal too narrow for all of it gets what there is room for.
    const giving = spare[widest] === 0 ? widths.length - 1 : widest;
    widths[giving] = Math.max(1, (widths[giving] ?? 0) - 1);
  }
  return widths;
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0);

function joinCells(cells: readonly string[], widths: readonly number[]): string {
  return cells
    .map((cell, column) => {
      const room = widths[column] ?? 0;
      return (column === widths.length - 1 ? cutEnd(cell, room) : cutMiddle(cell, room)).padEnd(room);
    })
    .join(' '.repeat(GAP))
    .trimEnd();
}

/** At most `room` characters, `…` for what is left out at the end. */
export function cutEnd(text: string, room: number): string {
  return text.length <= room ? text : `${text.slice(0, Math.max(0, room - 1))}…`;
}

/** Names of pods differ at their end, those of applications at their beginning: what is left out is in the middle. */
export function cutMiddle(text: string, room: number): string {
  if (text.length <= room) return text;
  const end = Math.floor((room - 1) / 2);
  return `${text.slice(0, Math.max(0, room - 1 - end))}…${end > 0 ? text.slice(-end) : ''}`;
}
