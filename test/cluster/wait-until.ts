import { setTimeout as sleep } from 'node:timers/promises';

/** Calls `check` until it gives something other than undefined or false; throws after `timeoutMs`, naming `what`. */
export async function waitUntil<T>(wait: {
  readonly what: string;
  readonly check: () => T | Promise<T>;
  readonly timeoutMs?: number;
  readonly everyMs?: number;
  readonly signal?: AbortSignal;
}): Promise<Exclude<T, undefined | false>> {
  const { what, check, timeoutMs = 60_000, everyMs = 50, signal } = wait;
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    signal?.throwIfAborted();
    const value = await check();
    if (value !== undefined && value !== false) return value as Exclude<T, undefined | false>;
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs / 1000} s in vain until ${what}`);
    await sleep(everyMs, undefined, signal ? { signal } : {});
  }
}
