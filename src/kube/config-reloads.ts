import type { ConfigReloadStatus } from '../core/configreload.ts';
import { API_GROUP, API_VERSION, splitKey } from '../core/names.ts';
import { isBlank, isUnderWay } from '../core/status.ts';
import type { ReloadPort, StoredReload } from '../operator/ports.ts';
import { isKind } from './api-error.ts';
import { asNumber, asObject, asText } from '../core/json.ts';
import type { KubeClient } from './kube-client.ts';
import { resourcePath } from './resource-path.ts';
import { resources } from './resources.ts';

/**
 * Keeps the ConfigReload of a source. Every status write names the version it was made from: two writers never mix.
 *
 * @param onUnserved told when the API server knows no ConfigReloads at all
 */
export function createConfigReloads(client: KubeClient, onUnserved: () => void = () => undefined): ReloadPort {
  const pathOf = (key: string, subresource?: string) =>
    resourcePath(resources.configReloads, { ...splitKey(key), subresource });

  const written = new WrittenVersions();

  /** As it is now, or, where this process wrote it before, as the API server's cache has it, and no older than that write. */
  async function read(key: string, signal: AbortSignal): Promise<StoredReload | undefined> {
    const resourceVersion = written.of(key);
    try {
      const query = resourceVersion === undefined ? {} : { resourceVersion };
      return toStored((await client.request<unknown>({ path: pathOf(key), query, signal })).body);
    } catch (error) {
      written.forget(key); // the server may have been restored from a backup, and have lost that version
      // Only the object's own absence: without the CRD every call is a 404 too, and then nothing may be done.
      if (isKind(error, 'NotFound')) {
        if (isNamed(error.cause, splitKey(key).name)) return undefined;
        onUnserved();
      }
      throw error;
    }
  }

  function note({ namespace, name }: { namespace: string; name: string }, { body }: { body: unknown }): StoredReload {
    const stored = toStored(body);
    written.note(`${namespace}/${name}`, stored.resourceVersion);
    return stored;
  }

  return {
    read,
    async create(source, signal) {
      const body = {
        apiVersion: `${API_GROUP}/${API_VERSION}`,
        kind: 'ConfigReload',
        metadata: {
          name: source.name,
          namespace: source.namespace,
          ownerReferences: [ownerOf(source)],
        },
        spec: { configMapName: source.name },
      };
      const path = resourcePath(resources.configReloads, { namespace: source.namespace });
      return note(source, await client.request<unknown>({ method: 'POST', path, body, signal }));
    },
    async adopt(source, stored, signal) {
      const metadata = {
        uid: stored.uid,
        resourceVersion: stored.resourceVersion,
        ownerReferences: [ownerOf(source)],
      };
      const path = resourcePath(resources.configReloads, { namespace: source.namespace, name: source.name });
      return note(source, await client.mergePatch<unknown>(path, { metadata }, { signal }));
    },
    async writeStatus(key, stored, status, signal) {
      const body = {
        apiVersion: `${API_GROUP}/${API_VERSION}`,
        kind: 'ConfigReload',
        metadata: { ...splitKey(key), resourceVersion: stored.resourceVersion, uid: stored.uid },
        status: withoutBlanks(status),
      };
      written.forget(key); // after a failure, a conflict say, nothing less than the present will do
      const answer = await client.request<unknown>({
        method: 'PUT',
        path: pathOf(key, 'status'),
        body,
        signal,
        // What lets a rollout begin goes before what says that one has ended.
        urgency: isUnderWay(status) ? 'act' : 'record',
      });
      return note(splitKey(key), answer);
    },
  };
}

/**
 * The version that each of the newest 1,000 status writes made. A read that names it is answered from the API server's cache, which
 * waits until it is as new: with a full history that takes 2.5 ms in place of 7.
 */
class WrittenVersions {
  readonly #versions = new Map<string, string>();

  of(key: string): string | undefined {
    return this.#versions.get(key);
  }

  note(key: string, resourceVersion: string): void {
    this.#versions.set(key, resourceVersion);
    const [oldest] = this.#versions.keys();
    if (this.#versions.size > 1_000 && oldest !== undefined) this.#versions.delete(oldest);
  }

  forget(key: string): void {
    this.#versions.delete(key);
  }
}

function ownerOf(source: { name: string; uid: string }): object {
  return { apiVersion: 'v1', kind: 'ConfigMap', name: source.name, uid: source.uid };
}

function toStored(body: unknown): StoredReload {
  const metadata = asObject(asObject(body)['metadata']);
  const owner = (metadata['ownerReferences'] as { uid?: string }[] | undefined)?.[0]?.uid;
  return {
    uid: asText(metadata['uid']),
    resourceVersion: asText(metadata['resourceVersion']),
    generation: asNumber(metadata['generation']),
    ownerUid: owner ?? '',
    status: asObject(body)['status'] as Partial<ConfigReloadStatus> | undefined,
  };
}

/** A 404 of the object carries its name in the Status details; one of a missing kind does not. */
function isNamed(cause: unknown, name: string): boolean {
  const body: unknown = typeof cause === 'string' && cause.startsWith('{') ? JSON.parse(cause) : cause;
  return asText(asObject(asObject(body)['details'])['name']) === name;
}

/** Empty strings and lists mean "not yet": they are left out, as `omitempty` does. */
function withoutBlanks(status: ConfigReloadStatus): object {
  return JSON.parse(JSON.stringify(status, (_key, value: unknown) => (isBlank(value) ? undefined : value))) as object;
}
