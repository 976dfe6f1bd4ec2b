/**
 * The known name that a word was likely meant to be, undefined where none is near: it differs in at most a third of its letters,
 * or the word is nearly one of its parts (`totl` for `total_budget_mb`). Case, and - for _, cost nothing.
 */
export function nearestName(word: string, known: readonly string[]): string | undefined {
  if (word.length > 64) return undefined;
  const wanted = fold(word);
  const [nearest] = sortBy(known, (name) => editDistance(wanted, fold(name)));
  if (nearest && nearest.cost <= Math.max(1, Math.floor(nearest.name.length / 3))) return nearest.name;
  if (wanted.length < 4) return undefined;
  const [partly] = sortBy(known, (name) => Math.min(...name.split('_').map((part) => editDistance(wanted, part))));
  return partly && partly.cost <= 1 ? partly.name : undefined;
}

function sortBy(names: readonly string[], costOf: (name: string) => number): { name: string; cost: number }[] {
  return names.map((name) => ({ name, cost: costOf(name) })).sort((a, b) => a.cost - b.cost);
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
