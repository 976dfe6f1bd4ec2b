import type { PodView } from '../core/pod-view.ts';
import { configMapsOf } from './source-index.ts';

/** Pods of one namespace by the ConfigMaps they use or accept, so that a source with three pods does not look at ten thousand. */
export class PodIndex {
  readonly #users = new Map<string, Map<string, PodView>>();

  /** As a reflector's `onChange`. */
  follow(key: string, previous: PodView | undefined, current: PodView | undefined): void {
    if (previous) for (const name of configMapsOf(previous)) this.#drop(name, key);
    if (current) for (const name of configMapsOf(current)) this.#usersOf(name).set(key, current);
  }

  usersOf(configMap: string): PodView[] {
    return [...(this.#users.get(configMap)?.values() ?? [])];
  }

  #usersOf(name: string): Map<string, PodView> {
    const present = this.#users.get(name);
    if (present) return present;
    const made = new Map<string, PodView>();
    this.#users.set(name, made);
    return made;
  }

  #drop(name: string, key: string): void {
    const users = this.#users.get(name);
    users?.delete(key);
    if (users?.size === 0) this.#users.delete(name);
  }
}
