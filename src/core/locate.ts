import type { Finding } from './config-tree.ts';
import type { Violation } from './validation.ts';

/** More than anyone reads at once; the rest is counted. */
const MOST_VIOLATIONS = 100;

/** Findings with line and column instead of offsets, in the order of the text: the first hundred, and how many more there are. */
export function locate(findings: readonly Finding[], text: string): Violation[] {
  const lineStarts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lineStarts.push(at + 1);
  const inOrder = [...findings].sort((a, b) => a.at - b.at);
  const [firstLeftOut] = inOrder.splice(MOST_VIOLATIONS);
  if (firstLeftOut)
    inOrder.push({ ...firstLeftOut, message: `and ${findings.length - MOST_VIOLATIONS} more from here on` });
  return inOrder.map(({ at, ...finding }) => {
    const line = lineOf(at, lineStarts);
    return Object.freeze({ ...finding, line: line + 1, column: at - (lineStarts[line] ?? 0) + 1 });
  });
}

/** Index of the last line that starts at or before the offset. */
function lineOf(at: number, lineStarts: readonly number[]): number {
  let low = 0;
  let high = lineStarts.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((lineStarts[middle] ?? 0) <= at) low = middle;
    else high = middle - 1;
  }
  return low;
}
