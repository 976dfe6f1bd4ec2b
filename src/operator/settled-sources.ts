import type { PodView } from '../core/pod-view.ts';
import { readRecord, recordAnnotation } from '../core/target-record.ts';
import { splitKey } from '../core/names.ts';
import type { SourceMark } from './source-index.ts';

/** A ConfigReload that says: everything runs the wanted text. */
export interface SettledReload {
  /** uid of the ConfigMap it belongs to. */
  readonly ownerUid: string;
  /** Version of the ConfigMap that this is true of. */
  readonly resourceVersion: string;
  readonly appliedHash: string;
  /** When that was reached, RFC 3339; empty: not known. */
  readonly time: string;
}

/**
 * What an earlier run left settled, listed once before work begins: at the first look at a source that has not changed
 * since, and whose pods all carry the record of its text, nothing is to be done. In doubt there is: the reconcile decides.
 */
export class SettledSources {
  readonly #reloads: Map<string, SettledReload>;

  /** @param reloads by `namespace/name`; given away, and emptied by and by */
  constructor(reloads: Map<string, SettledReload>) {
    this.#reloads = reloads;
  }

  /** The source's settled state if nothing is to be done about it; a second call knows nothing any more. */
  take(key: string, mark: SourceMark | undefined, pods: readonly PodView[]): SettledReload | undefined {
    const settled = this.#reloads.get(key);
    this.#reloads.delete(key);
    if (!settled || !mark || mark.publishTo !== undefined) return undefined;
    if (mark.uid !== settled.ownerUid || mark.resourceVersion !== settled.resourceVersion) return undefined;
    const { name } = splitKey(key);
    return pods.every((pod) => hasRecords(pod, name, settled.appliedHash)) ? settled : undefined;
  }
}

/** Whether every container of the pod that shows the source carries, for its present instance, the record of this text. */
function hasRecords(pod: PodView, source: string, hash: string): boolean {
  if (pod.isTerminating || pod.phase === 'Succeeded' || pod.phase === 'Failed') return true;
  const volumes = new Set(pod.volumes.filter(({ configMap }) => configMap === source).map(({ volume }) => volume));
  const users = pod.containers.filter(({ mounts }) => mounts.some(({ volume }) => volumes.has(volume)));
  return (
    users.length > 0 &&
    users.every(({ name, running }) => {
      const note = pod.annotations[recordAnnotation(source, name)];
      return running !== undefined && readRecord(note, running.containerId)?.hash === hash;
    })
  );
}
