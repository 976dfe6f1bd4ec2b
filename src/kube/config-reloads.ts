import type { ConfigReloadStatus } from '../core/configreload.ts';
import { API_GROUP, API_VERSION, splitKey } from '../core/names.ts';
import { isBlank, isUnderWay } from '../core/status.ts';
import type { ReloadPort, StoredReload } from '../operator/ports.ts';
import { isKind } from './api-error.ts';
import { asNumber, asObject, asText } from './json.ts';
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

  async function read(key: string, signal: AbortSignal): Promise<StoredReload | undefined> {
    try {
      return toStored((await client.request<unknown>({ path: pathOf(key), signal })).body);
    } catch (error) {
      // Only the object's own absence: without the CRD every call is a 404 too, and then nothing may be done.
      if (isKind(error, 'NotFound')) {
        if (isNamed(error.cause, splitKey(key).name)) return undefined;
        onUnserved();
      }
      throw error;
    }
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
      return toStored((await client.request<unknown>({ method: 'POST', path, body, signal })).body);
    },
    async adopt(source, stored, signal) {
      const metadata = {
        uid: stored.uid,
        resourceVersion: stored.resourceVersion,
        ownerReferences: [ownerOf(source)],
      };
      const path = resourcePath(resources.configReloads, { namespace: source.namespace, name: source.name });
      return toStored((await client.mergePatch<unknown>(path, { metadata }, { signal })).body);
    },
    async writeStatus(key, stored, status, signal) {
      const body = {
        apiVersion: `${API_GROUP}/${API_VERSION}`,
        kind: 'ConfigReload',
        metadata: { ...splitKey(key), resourceVersion: stored.resourceVersion, uid: stored.uid },
        status: withoutBlanks(status),
      };
      const { body: written } = await client.request<unknown>({
        method: 'PUT',
        path: pathOf(key, 'status'),
        body,
        signal,
        // What lets a rollout begin goes before what says that one has ended.
        urgency: isUnderWay(status) ? 'act' : 'record',
      });
      return toStored(written);
    },
  };
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
