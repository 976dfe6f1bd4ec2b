import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { conditionOf } from '../cluster/config-reload.ts';
import type { ConfigReloadStatus } from '../../src/core/configreload.ts';
import type { ControlledNode } from './controlled-node.ts';

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly annotations?: Record<string, string> };
}

export const examplesFolder = join(import.meta.dirname, '..', '..', 'examples');

/** A file of `examples/` that is applied to the namespace of a test as it is, by kubectl. */
export class AppliedExample {
  readonly #on: ControlledNode;
  readonly #text: string;
  readonly #objects: readonly Manifest[];

  private constructor(on: ControlledNode, text: string) {
    this.#on = on;
    this.#text = text;
    this.#objects = parseAllDocuments(text).map((document) => document.toJS() as Manifest);
  }

  /** Applies it, as it is unless `adapt` makes another text of it, and waits until all pods of its Deployments are available. */
  static async apply(on: ControlledNode, file: string, adapt = (text: string) => text): Promise<AppliedExample> {
    const text = adapt(await readFile(join(examplesFolder, file), 'utf8'));
    const example = new AppliedExample(on, text);
    await on.node.kubectlApply(text, '-n', on.namespace);
    for (const name of example.#deployments)
      await example.#kubectl('rollout', 'status', `deployment/${name}`, '--timeout=90s');
    return example;
  }

  /** The name of its one source. */
  get source(): string {
    return this.#objects.find(({ metadata }) => metadata.annotations)!.metadata.name;
  }

  get #deployments(): string[] {
    return this.#objects.filter(({ kind }) => kind === 'Deployment').map(({ metadata }) => metadata.name);
  }

  /** Applies the same file again, with one place changed, as somebody would who edits it. */
  async edit(from: string, to: string): Promise<void> {
    if (!this.#text.includes(from)) throw new Error(`the example has no ${from}`);
    await this.#on.node.kubectlApply(this.#text.replace(from, to), '-n', this.#on.namespace);
  }

  /** Until so many targets run this revision and nothing is left to do. */
  untilRuns(revision: number, podsReady: string): Promise<ConfigReloadStatus> {
    return this.#on.untilReload(
      this.source,
      (status) => status.appliedRevision === revision && status.podsReady === podsReady,
    );
  }

  /** Until the present text is refused. */
  untilRefused(): Promise<ConfigReloadStatus> {
    return this.#on.untilReload(this.source, (status) => conditionOf(status, 'Valid') === 'False ValidationFailed');
  }

  /** Names of the running pods of a Deployment. */
  async pods(deployment: string): Promise<string[]> {
    const { items } = await this.#on.node.core.listNamespacedPod({
      namespace: this.#on.namespace,
      labelSelector: `app=${deployment}`,
    });
    return items.filter(({ metadata }) => !metadata?.deletionTimestamp).map(({ metadata }) => metadata!.name!);
  }

  /** What the program of a pod has written, a line each. */
  async lines(pod: string): Promise<string[]> {
    return (await this.#on.log(pod, 'app')).map(({ line }) => line.trim());
  }

  async delete(): Promise<void> {
    const names = this.#objects.map(({ kind, metadata }) => `${kind.toLowerCase()}/${metadata.name}`);
    await this.#kubectl('delete', ...names, '--wait=false');
  }

  #kubectl(...args: string[]): Promise<string> {
    return this.#on.node.kubectl('-n', this.#on.namespace, ...args);
  }
}
