import { splitKey } from '../core/names.ts';

/** Which sources write to which ConfigMap: the way back from a pod that mounts the copy. */
export class PublishedIndex {
  readonly #sources = new Map<string, Set<string>>();

  /** `before` and `now`: what the source's `publish-to` was and is. */
  follow(source: string, before: string | undefined, now: string | undefined): void {
    if (before === now) return;
    const { namespace } = splitKey(source);
    if (before !== undefined) this.#remove(`${namespace}/${before}`, source);
    if (now === undefined) return;
    const sources = this.#sources.get(`${namespace}/${now}`) ?? new Set();
    this.#sources.set(`${namespace}/${now}`, sources.add(source));
  }

  sourcesOf(published: string): Iterable<string> {
    return this.#sources.get(published) ?? [];
  }

  #remove(published: string, source: string): void {
    const sources = this.#sources.get(published);
    sources?.delete(source);
    if (sources?.size === 0) this.#sources.delete(published);
  }
}
