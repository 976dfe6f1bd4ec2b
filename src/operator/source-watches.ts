import { splitKey } from '../core/names.ts';
import type { Reflector } from '../runtime/reflector.ts';
import type { OnChange } from '../runtime/store.ts';
import type { SourceMark } from './source-index.ts';

export interface SourceWatchesOptions {
  /** Empty: one watch over all of them. */
  readonly namespaces: readonly string[];
  readonly create: (namespace: string | undefined, onChange: OnChange<SourceMark>) => Reflector<SourceMark>;
  readonly onChange: OnChange<SourceMark>;
}

/** The watches of the sources, and how many of them each namespace has. */
export class SourceWatches {
  readonly reflectors: readonly Reflector<SourceMark>[];
  readonly #counts = new Map<string, number>();

  constructor({ namespaces, create, onChange }: SourceWatchesOptions) {
    const follow: OnChange<SourceMark> = (key, previous, current) => {
      if (!previous !== !current) this.#count(splitKey(key).namespace, current ? 1 : -1);
      onChange(key, previous, current);
    };
    this.reflectors = (namespaces.length === 0 ? [undefined] : namespaces).map((namespace) =>
      create(namespace, follow),
    );
  }

  get size(): number {
    return this.reflectors.reduce((sum, { store }) => sum + store.size, 0);
  }

  keys(): string[] {
    return this.reflectors.flatMap(({ store }) => store.keys());
  }

  get(key: string): SourceMark | undefined {
    for (const { store } of this.reflectors) {
      const mark = store.get(key);
      if (mark) return mark;
    }
    return undefined;
  }

  hasSourcesIn(namespace: string): boolean {
    return this.#counts.has(namespace);
  }

  /** Resolves when all of them hold everything; one of a namespace that is forbidden holds up no other. */
  async untilAnswered(): Promise<void> {
    await Promise.all(this.reflectors.map((reflector) => reflector.untilAnswered()));
  }

  #count(namespace: string, change: number): void {
    const count = (this.#counts.get(namespace) ?? 0) + change;
    if (count > 0) this.#counts.set(namespace, count);
    else this.#counts.delete(namespace);
  }
}
