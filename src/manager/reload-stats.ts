import type { ReloadEvent } from '../core/reload-event.ts';
import type { ReloadResult } from '../core/reload-result.ts';

/** Counted since the process started; `totalReloads` is always the sum of the other two counts. */
export interface ReloadStats {
  readonly totalReloads: number;
  readonly successfulReloads: number;
  /** Refused calls (`already_in_progress`) included. */
  readonly failedReloads: number;
  /** RFC 3339; null before the first. */
  readonly lastReloadTime: string | null;
  readonly lastReloadResult: ReloadResult | null;
}

export const noReloads: ReloadStats = Object.freeze({
  totalReloads: 0,
  successfulReloads: 0,
  failedReloads: 0,
  lastReloadTime: null,
  lastReloadResult: null,
});

/** The counts with one more event. */
export function countReload(stats: ReloadStats, event: ReloadEvent): ReloadStats {
  const isSuccess = event.result === 'success';
  return Object.freeze({
    totalReloads: stats.totalReloads + 1,
    successfulReloads: stats.successfulReloads + (isSuccess ? 1 : 0),
    failedReloads: stats.failedReloads + (isSuccess ? 0 : 1),
    lastReloadTime: event.timestamp,
    lastReloadResult: event.result,
  });
}
