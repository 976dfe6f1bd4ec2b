import { isOptedIn } from '../core/annotations.ts';
import { ANNOTATION_PREFIX, splitKey } from '../core/names.ts';
import type { Source, SourcePort } from '../operator/ports.ts';
import { isKind } from './api-error.ts';
import { asList, asObject, asText, asTextMap, type Json } from '../core/json.ts';
import type { KubeClient } from './kube-client.ts';
import { resourcePath } from './resource-path.ts';
import { resources } from './resources.ts';

/** Reads ConfigMaps and tokens; the source itself is never written. */
export function createSources(client: KubeClient): SourcePort {
  async function get(path: string, signal: AbortSignal): Promise<Json | undefined> {
    try {
      return asObject((await client.request<unknown>({ path, signal })).body);
    } catch (error) {
      if (isKind(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  return {
    async read(key, signal) {
      const object = await get(resourcePath(resources.configMaps, splitKey(key)), signal);
      return object && toSource(object);
    },
    restore: (source, { key, content }, signal) =>
      unlessForbidden(async () => {
        const path = resourcePath(resources.configMaps, { namespace: source.namespace, name: source.name });
        const { uid, resourceVersion } = source;
        await client.mergePatch(path, { metadata: { uid, resourceVersion }, ...asData(key, content) }, { signal });
        return 'restored';
      }),
    publish: (source, { name, key, content }, signal) =>
      unlessForbidden(async () => {
        const { namespace } = source;
        const present = await get(resourcePath(resources.configMaps, { namespace, name }), signal);
        const data = asData(key, content);
        if (!present) {
          const metadata = { name, namespace, annotations: { [PUBLISHED_FROM]: source.name } };
          const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: data.data };
          await client.request({
            method: 'POST',
            path: resourcePath(resources.configMaps, { namespace }),
            body,
            signal,
          });
          return 'published';
        }
        const { uid, resourceVersion, annotations } = asObject(present['metadata']);
        const own = asTextMap(annotations);
        if (own[PUBLISHED_FROM] !== source.name || isOptedIn(own)) return 'refused';
        if (asTextMap(present['data'])[key] === data.data[key]) return 'unchanged';
        const path = resourcePath(resources.configMaps, { namespace, name });
        await client.mergePatch(path, { metadata: { uid, resourceVersion }, ...data }, { signal });
        return 'published';
      }),
    readToken: ({ namespace, secret }, signal) =>
      unlessForbidden(async () => {
        const object = await get(resourcePath(resources.secrets, { namespace, name: secret }), signal);
        // A ConfigMap's author chooses the Secret, and the pod's owner gets the token: not that of an account.
        if (object?.['type'] === 'kubernetes.io/service-account-token') return 'unfit';
        const base64 = asTextMap(object?.['data'])['token'];
        const token = base64 === undefined ? '' : Buffer.from(base64, 'base64').toString('utf8').trim();
        return /^[\x21-\x7e]{1,4096}$/.test(token) ? { token } : 'missing';
      }),
  };
}

/** A feature that the chart leaves out has no permission: that is said where it is asked for. */
async function unlessForbidden<const T>(call: () => Promise<T>): Promise<T | 'forbidden'> {
  try {
    return await call();
  } catch (error) {
    if (isKind(error, 'Forbidden')) return 'forbidden';
    throw error;
  }
}

/** Marks a ConfigMap as the controller's own copy of that source. */
const PUBLISHED_FROM = `${ANNOTATION_PREFIX}published-from`;

/** A valid text is UTF-8, and goes into `data`; the same key in `binaryData` goes away. */
function asData(key: string, content: Uint8Array): { data: Record<string, string>; binaryData: Record<string, null> } {
  return { data: { [key]: Buffer.from(content).toString('utf8') }, binaryData: { [key]: null } };
}

function toSource(object: Json): Source {
  const metadata = asObject(object['metadata']);
  return {
    namespace: asText(metadata['namespace']),
    name: asText(metadata['name']),
    uid: asText(metadata['uid']),
    resourceVersion: asText(metadata['resourceVersion']),
    annotations: asTextMap(metadata['annotations']),
    isTerminating: metadata['deletionTimestamp'] !== undefined,
    isImmutable: object['immutable'] === true,
    author: authorOf(asList(metadata['managedFields'])),
    data: asTextMap(object['data']),
    binaryData: asTextMap(object['binaryData']),
  };
}

function authorOf(managedFields: readonly Json[]): string {
  const ofData = managedFields.filter(
    ({ fieldsV1 }) => 'f:data' in asObject(fieldsV1) || 'f:binaryData' in asObject(fieldsV1),
  );
  const newest = ofData.toSorted((a, b) => asText(a['time']).localeCompare(asText(b['time']))).at(-1);
  return asText(newest?.['manager']);
}
