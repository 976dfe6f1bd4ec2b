import { contentHash } from '../../../src/core/content-hash.ts';
import type { ConfigReloadStatus } from '../../../src/core/configreload.ts';
import { conditionOf, waitForReload } from '../config-reload.ts';
import type { Cluster } from '../cluster.ts';

/** Who edits sources in a namespace, and waits for what comes of it. */
export class SourceUser {
  readonly #cluster: Cluster;
  readonly #namespace: string;

  constructor(cluster: Cluster, namespace: string) {
    this.#cluster = cluster;
    this.#namespace = namespace;
  }

  /** `annotations` without their prefix. */
  async apply(name: string, text: string, annotations: Record<string, string> = {}, rest: object = {}): Promise<void> {
    const prefixed = Object.entries({ enabled: 'true', ...annotations }).map(
      ([key, value]) => [`reload.leindex.io/${key}`, value] as const,
    );
    const metadata = { name, annotations: Object.fromEntries(prefixed) };
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { 'mcp.yaml': text }, ...rest };
    await this.#cluster.apply(object as never, this.#namespace);
  }

  until(name: string, isIt: (status: ConfigReloadStatus) => boolean, timeoutMs = 60_000): Promise<ConfigReloadStatus> {
    return waitForReload(this.#cluster, { namespace: this.#namespace, name }, isIt, timeoutMs);
  }

  /** All targets run the text, and nothing is under way. */
  untilApplied(name: string, text: string, timeoutMs?: number): Promise<ConfigReloadStatus> {
    const isIt = (status: ConfigReloadStatus) =>
      status.appliedHash === contentHash(text) && conditionOf(status, 'Progressing').startsWith('False');
    return this.until(name, isIt, timeoutMs);
  }
}
