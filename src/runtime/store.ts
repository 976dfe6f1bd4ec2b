/** What is kept of one object. */
export interface Identity {
  readonly key: string;
  readonly uid: string;
  readonly resourceVersion: string;
}

/** `previous` is undefined for a new object, `current` for one that is gone. An object made anew under an old name is both, one after the other. */
export type OnChange<T> = (key: string, previous: T | undefined, current: T | undefined) => void;

/** The objects a reflector keeps, trimmed, by `namespace/name`. */
export class Store<T> {
  readonly #items = new Map<string, { readonly identity: Identity; readonly value: T }>();
  readonly #onChange: OnChange<T>;

  constructor(onChange: OnChange<T>) {
    this.#onChange = onChange;
  }

  get size(): number {
    return this.#items.size;
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
  put(identity: Identity, value: T | undefined): void {
    const before = this.#items.get(identity.key);
    if (value === undefined) return this.remove(identity.key);
    if (before && before.identity.uid !== identity.uid) this.remove(identity.key);
    const known = this.#items.get(identity.key);
    this.#items.set(identity.key, { identity, value });
    if (known?.identity.resourceVersion !== identity.resourceVersion) this.#onChange(identity.key, known?.value, value);
  }

  remove(key: string): void {
    const before = this.#items.get(key);
    if (!before) return;
    this.#items.delete(key);
    this.#onChange(key, before.value, undefined);
  }

  /** Removes what a whole listing did not name. */
  retain(keys: ReadonlySet<string>): void {
    for (const key of this.keys()) if (!keys.has(key)) this.remove(key);
  }
}
