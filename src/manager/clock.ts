/** Time as the manager sees it; replaced in tests. */
export interface Clock {
  /** Wall time, for timestamps only. */
  now(): Date;
  /** Milliseconds that never go backwards, for durations and deadlines. */
  monotonicMs(): number;
}

export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
};
