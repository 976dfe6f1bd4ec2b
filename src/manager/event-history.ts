import type { ReloadEvent } from '../core/reload-event.ts';

/** The newest events, up to a limit. */
export class EventHistory {
  readonly #limit: number;
  /** Oldest first. */
  #events: ReloadEvent[] = [];

  constructor(limit: number, earlier: readonly ReloadEvent[] = []) {
    this.#limit = limit;
    this.#events = earlier.slice(-limit);
  }

  get latest(): ReloadEvent | undefined {
    return this.#events.at(-1);
  }

  add(event: ReloadEvent): void {
    this.#events.push(event);
    // Cut now and then instead of shifting a full array at every event.
    if (this.#events.length >= this.#limit * 2) this.#events = this.#events.slice(-this.#limit);
  }

  /** Newest first; a frozen copy. */
  list(limit: number = this.#limit): readonly ReloadEvent[] {
    const most = Math.min(limit, this.#limit, this.#events.length);
    return Object.freeze(this.#events.slice(this.#events.length - most).reverse());
  }

  /** How many were dropped. */
  clear(): number {
    const count = Math.min(this.#events.length, this.#limit);
    this.#events = [];
    return count;
  }
}
