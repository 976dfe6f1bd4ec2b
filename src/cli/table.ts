import { printable } from '../core/printable.ts';

/** More than any cell that a person reads in a table. */
const MOST_CHARACTERS = 400;

/**
 * Columns under their names, two spaces apart, each line with its newline. Foreign characters are escaped; with `width`
 * (columns of the terminal) the last column is cut to fit.
 */
export function showTable(head: readonly string[], rows: readonly (readonly string[])[], width?: number): string {
  const cells = [head, ...rows].map((row) => row.map((cell) => printable(cell === '' ? '-' : cell, MOST_CHARACTERS)));
  const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return cells.map((row) => `${fit(joinRow(row, widths), width)}\n`).join('');
}

function joinRow(row: readonly string[], widths: readonly number[]): string {
  return row
    .map((cell, column) => cell.padEnd(widths[column] ?? 0))
    .join('  ')
    .trimEnd();
}

function fit(line: string, width: number | undefined): string {
  return width === undefined || line.length <= width ? line : `${line.slice(0, Math.max(1, width - 1))}…`;
}
