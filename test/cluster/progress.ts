/** One line to a person: long work says what it is doing, on standard error. */
export function say(line: string): void {
  process.stderr.write(`[leindex-reloader] ${line}\n`);
}

/** Says `describe(elapsed seconds)` now and then while `work` runs, so that no one takes it for dead. */
export async function withProgress<T>(
  describe: (seconds: number) => string,
  work: () => Promise<T>,
  everyMs = 15_000,
): Promise<T> {
  const started = performance.now();
  const seconds = (): number => Math.round((performance.now() - started) / 1000);
  const timer = setInterval(() => say(describe(seconds())), everyMs);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
