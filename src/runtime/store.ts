/** What is kept of one object besides its value. */
export interface Identity {
  readonly key: string;
  readonly uid: string;
  readonly resourceVersion: string;
}

/** `previous` is undefined for a new object, `current` for one that is gone. An object made anew under an old name is both, one after the other. */
export type OnChange<T> = (key: string, previous: T | undefined, current: T | undefined) => void;

interface Item<T> {
  readonly uid: string;
  readonly resourceVersion: string;
  readonly value: T;
}

/** The objects a reflector keeps, trimmed, by `namespace/name`. */
export class Store<T> {
  readonly #items = new Map<string, Item<T>>();
  readonly #onChange: OnChange<T>;

  constructor(onChange: OnChange<T>) {
    this.#onChange = onChange;
  }

  get size(): number {
    return this.#items.size;
  }

  has(key: string): boolean {
    return this.#items.has(key);
  }

  get(key: string): T | undefined {
    return this.#items.get(key)?.value;
  }

  values(): T[] {
    return [...this.#items.values()].map(({ value }) => value);
  }

  keys(): string[] {
    return [...this.#items.keys()];
  }

  /** `value` undefined: an object that is not kept. */
  put({ key, uid, resourceVersion }: Identity, value: T | undefined): void {
    const before = this.#items.get(key);
    if (value === undefined) return this.remove(key);
    const isAnother = before !== undefined && before.uid !== uid;
    if (isAnother) this.remove(key);
    const known = isAnother ? undefined : before;
    this.#items.set(key, { uid, resourceVersion, value });
    if (known?.resourceVersion !== resourceVersion) this.#onChange(key, known?.value, value);
  }

  /** `uid`: only that very object, not one made later under its name. */
  remove(key: string, uid?: string): void {
    const before = this.#items.get(key);
    if (!before || (uid !== undefined && uid !== before.uid)) return;
    this.#items.delete(key);
    this.#onChange(key, before.value, undefined);
  }

  /** Removes what a whole listing did not name. */
  retain(keys: ReadonlySet<string>): void {
    for (const key of this.keys()) if (!keys.has(key)) this.remove(key);
  }
}
