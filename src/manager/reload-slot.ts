/**
 * One reload at a time. Calls that find it taken are refused; triggers that find it taken merge into exactly one more run,
 * which begins after the last of them arrived (promise 6).
 */
export class ReloadSlot<Trigger> {
  readonly #runTrigger: (trigger: Trigger) => Promise<void>;
  #current: Promise<unknown> | null = null;
  #pending: { trigger: Trigger } | null = null;
  #isClosed = false;

  /** @param runTrigger what a trigger starts; must not reject. */
  constructor(runTrigger: (trigger: Trigger) => Promise<void>) {
    this.#runTrigger = runTrigger;
  }

  get isTaken(): boolean {
    return this.#current !== null;
  }

  /** Runs `work` at once, or gives null where something runs already. */
  tryRun<T>(work: () => Promise<T>): Promise<T> | null {
    if (this.#current) return null;
    const run = work();
    this.#current = run.then(
      () => this.#release(),
      () => this.#release(),
    );
    return run;
  }

  /** Runs the trigger now, or once more after what runs now. The first trigger that waits names the run. */
  request(trigger: Trigger): void {
    if (this.#isClosed) return;
    if (!this.tryRun(() => this.#runTrigger(trigger))) this.#pending ??= { trigger };
  }

  /** Resolves when nothing runs; follow-ups included. */
  async whenFree(): Promise<void> {
    while (this.#current) await this.#current;
  }

  /** Takes no more triggers and forgets the one that waits. */
  close(): void {
    this.#isClosed = true;
    this.#pending = null;
  }

  #release(): void {
    this.#current = null;
    const next = this.#pending;
    this.#pending = null;
    if (next) this.request(next.trigger);
  }
}
