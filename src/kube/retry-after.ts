/** No answer makes us wait longer than this, milliseconds. */
export const LONGEST_RETRY_AFTER_MS = 60_000;

/**
 * Milliseconds to wait that a `Retry-After` value asks for (whole seconds or an HTTP date), clamped to 0–60 s.
 * Undefined where there is no value or it cannot be read; a negative wait is 0.
 *
 * @param now wall clock in milliseconds since the epoch, for HTTP dates
 */
export function parseRetryAfter(value: unknown, now: number): number | undefined {
  const word = (Array.isArray(value) ? value[0] : value) as unknown;
  if (typeof word !== 'string' && typeof word !== 'number') return undefined;
  const text = String(word).trim();
  if (/^[+-]?\d+(?:\.\d+)?(?:e\d+)?$/i.test(text)) return clamp(Number(text) * 1000);
  if (!/[a-z]{3}/i.test(text)) return undefined;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : clamp(date - now);
}

function clamp(ms: number): number {
  return Math.min(Math.max(Math.round(ms), 0), LONGEST_RETRY_AFTER_MS);
}
