/** Time as the runtime sees it: monotonic, so that no jump of the wall clock reaches a back-off, a lease or a duration. */
export interface Clock {
  /** Milliseconds since some fixed moment; never goes back. */
  now(): number;
  /** Calls back once after `ms`; the returned function cancels. */
  setTimer(callback: () => void, ms: number): () => void;
}

/** Longer waits than this overflow Node's timers. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => performance.now(),
  setTimer: (callback, ms) => {
    const timer = setTimeout(callback, Math.min(Math.max(ms, 0), LONGEST_TIMER_MS));
    return () => clearTimeout(timer);
  },
};

/** Waits; resolves early, without throwing, when the signal aborts. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const end = () => {
      cancel();
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const cancel = clock.setTimer(end, ms);
    signal?.addEventListener('abort', end, { once: true });
  });
}
