import { createHash } from 'node:crypto';
import { ANNOTATION_PREFIX, API_GROUP, API_VERSION, splitKey } from '../core/names.ts';
import type { Revision, RevisionPort } from '../operator/ports.ts';
import { isKind } from './api-error.ts';
import { asList, asNumber, asObject, asText, asTextMap, type Json } from '../core/json.ts';
import type { KubeClient } from './kube-client.ts';
import { resourcePath } from './resource-path.ts';
import { resources } from './resources.ts';

const SOURCE_LABEL = `${ANNOTATION_PREFIX}source`;

/** Keeps every valid text as an apps/v1 ControllerRevision, owned by the ConfigReload, named by source and number. */
export function createRevisions(client: KubeClient): RevisionPort {
  async function read(key: string, revision: number, signal: AbortSignal): Promise<Revision | undefined> {
    const { namespace, name } = splitKey(key);
    const path = resourcePath(resources.controllerRevisions, { namespace, name: revisionName(name, revision) });
    try {
      return toRevision(asObject((await client.request<unknown>({ path, signal })).body));
    } catch (error) {
      if (isKind(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  return {
    async save(source, owner, { revision, hash, key, content, author }, signal) {
      const body = {
        apiVersion: 'apps/v1',
        kind: 'ControllerRevision',
        metadata: {
          name: revisionName(source.name, revision),
          namespace: source.namespace,
          labels: { [SOURCE_LABEL]: labelOf(source.name) },
          ownerReferences: [
            {
              apiVersion: `${API_GROUP}/${API_VERSION}`,
              kind: 'ConfigReload',
              name: source.name,
              uid: owner.uid,
              controller: true,
            },
          ],
        },
        revision,
        data: { hash, key, author, content: Buffer.from(content).toString('utf8') },
      };
      const path = resourcePath(resources.controllerRevisions, { namespace: source.namespace });
      const create = () => client.request({ method: 'POST', path, body, signal, urgency: 'record' });
      try {
        await create();
      } catch (error) {
        if (!isKind(error, 'AlreadyExists')) throw error;
        const existing = await read(`${source.namespace}/${source.name}`, revision, signal);
        if (existing?.hash === hash) return;
        // Left over from a source of the same name that was deleted: its numbers start anew with this one.
        await client.request({ method: 'DELETE', path: `${path}/${body.metadata.name}`, signal });
        await create();
      }
    },
    read,
    async prune(key, { newest, and }, signal) {
      const { namespace, name } = splitKey(key);
      const path = resourcePath(resources.controllerRevisions, { namespace });
      const query = { labelSelector: `${SOURCE_LABEL}=${labelOf(name)}` };
      const { body } = await client.request<unknown>({ path, query, signal });
      const old = asList(asObject(body)['items'])
        .toSorted((a, b) => asNumber(b['revision']) - asNumber(a['revision']))
        .slice(newest)
        .filter(({ revision }) => asNumber(revision) !== and);
      for (const one of old) {
        const metadata = asObject(one['metadata']);
        const gone = resourcePath(resources.controllerRevisions, { namespace, name: asText(metadata['name']) });
        await client.request({
          method: 'DELETE',
          path: gone,
          body: { preconditions: { uid: asText(metadata['uid']) } },
          signal,
        });
      }
    },
  };
}

function toRevision(object: Json): Revision {
  const data = asTextMap(object['data']);
  return {
    revision: asNumber(object['revision']),
    hash: data['hash'] ?? '',
    key: data['key'] ?? '',
    author: data['author'] ?? '',
    content: Buffer.from(data['content'] ?? '', 'utf8'),
  };
}

/** `<source>-<revision>`; a source name too long for that is cut and made unique by its hash. */
export function revisionName(source: string, revision: number): string {
  const stem = source.length <= 230 ? source : `${source.slice(0, 215)}-${digest(source)}`;
  return `${stem}-${revision}`;
}

/** Label values hold 63 characters, names 253. */
const labelOf = (source: string) => (source.length <= 63 ? source : `${source.slice(0, 50)}-${digest(source)}`);
const digest = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 10);
