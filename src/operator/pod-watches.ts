import type { PodView } from '../core/pod-view.ts';
import type { Reflector } from '../runtime/reflector.ts';
import type { OnChange } from '../runtime/store.ts';
import { PodIndex } from './pod-index.ts';

/** How long a namespace without sources keeps its pod watch: an annotation that flips does not cost a list each time. */
const LINGER_MS = 60_000;

type Create = (namespace: string, onChange: OnChange<PodView>) => Reflector<PodView>;

interface Watch {
  readonly reflector: Reflector<PodView>;
  readonly index: PodIndex;
  readonly stop: AbortController;
  linger: NodeJS.Timeout | undefined;
}

/** One pod watch for each namespace that has sources, and none for the others. */
export class PodWatches {
  readonly #create: Create;
  readonly #signal: AbortSignal;
  readonly #watches = new Map<string, Watch>();

  /** @param create gives the reflector of a namespace, which must call the `onChange` that it is given */
  constructor(create: Create, signal: AbortSignal) {
    this.#create = create;
    this.#signal = signal;
  }

  get reflectors(): Reflector<PodView>[] {
    return [...this.#watches.values()].map(({ reflector }) => reflector);
  }

  /** Starts the watch of a namespace if it has none. */
  want(namespace: string): Reflector<PodView> {
    const present = this.#watches.get(namespace);
    if (present) {
      clearTimeout(present.linger);
      present.linger = undefined;
      return present.reflector;
    }
    const index = new PodIndex();
    const reflector = this.#create(namespace, (key, previous, current) => index.follow(key, previous, current));
    const watch: Watch = { reflector, index, stop: new AbortController(), linger: undefined };
    this.#watches.set(namespace, watch);
    void watch.reflector.run(AbortSignal.any([this.#signal, watch.stop.signal]));
    return watch.reflector;
  }

  /** The namespace has no source any more. */
  release(namespace: string): void {
    const watch = this.#watches.get(namespace);
    if (!watch || watch.linger) return;
    watch.linger = setTimeout(() => {
      watch.stop.abort();
      this.#watches.delete(namespace);
    }, LINGER_MS);
    watch.linger.unref();
  }

  inNamespace(namespace: string): PodView[] {
    return this.#watches.get(namespace)?.reflector.store.values() ?? [];
  }

  /** Pods that use or accept this ConfigMap. */
  usersOf(namespace: string, configMap: string): PodView[] {
    return this.#watches.get(namespace)?.index.usersOf(configMap) ?? [];
  }

  /** A promise of all pods of the namespace being known; undefined where they are, or where nothing watches them. */
  awaitsSync(namespace: string): Promise<void> | undefined {
    const reflector = this.#watches.get(namespace)?.reflector;
    return reflector && !reflector.hasSynced ? reflector.untilSynced() : undefined;
  }
}
