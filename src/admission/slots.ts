/** So many at a time; the others wait a while for their turn, in order. */
export class Slots {
  readonly #waitMs: number;
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor({ count, waitMs }: { readonly count: number; readonly waitMs: number }) {
    this.#free = count;
    this.#waitMs = waitMs;
  }

  /** Whether there was one in time; then `leave` has to follow. */
  async enter(): Promise<boolean> {
    if (this.#free > 0) {
      this.#free--;
      return true;
    }
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const enter = () => resolve(true);
    this.#waiting.push(enter);
    const giveUp = setTimeout(() => {
      this.#waiting.splice(this.#waiting.indexOf(enter), 1);
      resolve(false);
    }, this.#waitMs);
    const entered = await promise;
    clearTimeout(giveUp);
    return entered;
  }

  leave(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#free++;
  }
}
