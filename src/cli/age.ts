import { formatDuration } from '../core/duration.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** How long ago a time (RFC 3339) was, in the one unit that a person would choose: `12s`, `5m`, `3h`, `12d`; empty: no time. */
export function showAge(time: string, now: Date): string {
  const age = now.getTime() - Date.parse(time);
  if (Number.isNaN(age)) return '';
  // Clocks of two machines differ: what is to come counts as now.
  if (age < 2 * MINUTE) return formatDuration(Math.max(0, Math.floor(age / 1000)) * 1000).replace(/^0ms$/, '0s');
  if (age < 2 * HOUR) return `${Math.floor(age / MINUTE)}m`;
  return age < 2 * DAY ? `${Math.floor(age / HOUR)}h` : `${Math.floor(age / DAY)}d`;
}
