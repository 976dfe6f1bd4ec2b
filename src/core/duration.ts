const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const ONE_DAY = 86_400_000;

/** Milliseconds of a duration as Go writes it (`500ms`, `30s`, `1m30s`); undefined where it cannot be read, is negative or above a day. */
export function parseDuration(word: string): number | undefined {
  if (word.length > 32 || !/^(?:\d{1,9}(?:\.\d{1,6})?(?:ms|s|m|h))+$/.test(word)) return undefined;
  const total = [...word.matchAll(/([\d.]+)(ms|s|m|h)/g)].reduce(
    (sum, [, n, unit]) => sum + Number(n) * (UNITS[unit ?? ''] ?? 0),
    0,
  );
  return total <= ONE_DAY ? total : undefined;
}

/** `850ms`, `30s`, `1m30s`: the shortest exact form, for people. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)}ms`;
  if (ms < 10_000) return `${Math.round(ms / 100) / 10}s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  const rest = seconds % 60;
  if (minutes < 60) return rest === 0 ? `${minutes}m` : `${minutes}m${rest}s`;
  const hours = Math.floor(minutes / 60);
  return minutes % 60 === 0 ? `${hours}h` : `${hours}h${minutes % 60}m`;
}
