/** The known name that differs from `word` in at most a third of its letters (case and - for _ cost nothing); undefined where none is near. */
export function nearestName(word: string, known: readonly string[]): string | undefined {
  if (word.length > 64) return undefined;
  const wanted = fold(word);
  let best: string | undefined;
  let bestCost = Infinity;
  for (const name of known) {
    const cost = editDistance(wanted, fold(name));
    if (cost < bestCost) [best, bestCost] = [name, cost];
  }
  return best !== undefined && bestCost <= Math.max(1, Math.floor(best.length / 3)) ? best : undefined;
}

function fold(word: string): string {
  return word.toLowerCase().replaceAll('-', '_');
}

/** Levenshtein's distance. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      current.push(
        Math.min(
          (previous[column] ?? 0) + 1,
          (current[column - 1] ?? 0) + 1,
          (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1),
        ),
      );
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}
