import type { PodView } from '../core/pod-view.ts';
import type { Reflector } from '../runtime/reflector.ts';

/** How long a namespace without sources keeps its pod watch: an annotation that flips does not cost a list each time. */
const LINGER_MS = 60_000;

interface Watch {
  readonly reflector: Reflector<PodView>;
  readonly stop: AbortController;
  linger: NodeJS.Timeout | undefined;
}

/** One pod watch for each namespace that has sources, and none for the others. */
export class PodWatches {
  readonly #create: (namespace: string) => Reflector<PodView>;
  readonly #signal: AbortSignal;
  readonly #watches = new Map<string, Watch>();

  constructor(create: (namespace: string) => Reflector<PodView>, signal: AbortSignal) {
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
    const watch: Watch = { reflector: this.#create(namespace), stop: new AbortController(), linger: undefined };
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

  /** Resolves when all pods of the namespace are known; rejects on abort. */
  async untilSynced(namespace: string, signal: AbortSignal): Promise<void> {
    const { reflector } = this.#watches.get(namespace) ?? { reflector: this.want(namespace) };
    if (reflector.hasSynced) return;
    const { promise, reject } = Promise.withResolvers<never>();
    const onAbort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await Promise.race([reflector.untilSynced(), promise]);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }
}
