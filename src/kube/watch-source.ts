import { type ListerWatcher, type ListPage, type WatchEvent, WatchFailure } from '../runtime/lister-watcher.ts';
import { type ApiError, fromStatus, isKind, toApiError } from './api-error.ts';
import { asList, asObject, asText } from '../core/json.ts';
import type { KubeClient } from './kube-client.ts';
import { type Resource, resourcePath } from './resource-path.ts';

export interface WatchSourceOptions {
  readonly client: KubeClient;
  readonly resource: Resource;
  /** undefined: all namespaces. */
  readonly namespace?: string | undefined;
  /** Metadata only: the objects come without spec, data and status. */
  readonly isMetadataOnly?: boolean;
}

const METADATA = 'as=PartialObjectMetadata;v=v1;g=meta.k8s.io';
const METADATA_LIST = 'as=PartialObjectMetadataList;v=v1;g=meta.k8s.io';

/** Lists and watches one kind of object; every failure is a WatchFailure. */
export function createWatchSource({
  client,
  resource,
  namespace,
  isMetadataOnly = false,
}: WatchSourceOptions): ListerWatcher {
  const path = resourcePath(resource, { namespace });
  const accept = (as: string) => (isMetadataOnly ? `application/json;${as}` : 'application/json');
  return {
    name: namespace === undefined ? resource.plural : `${resource.plural} in ${namespace}`,

    async list({ limit, continue: token }, signal): Promise<ListPage> {
      try {
        const query = { limit: limit || undefined, continue: token };
        const { body } = await client.request<unknown>({
          path,
          query,
          accept: accept(METADATA_LIST),
          signal,
          lane: 'watches',
        });
        const metadata = asObject(asObject(body)['metadata']);
        return {
          items: asList(asObject(body)['items']),
          resourceVersion: asText(metadata['resourceVersion']),
          continue: asText(metadata['continue']) || undefined,
        };
      } catch (error) {
        throw toFailure(toApiError(error));
      }
    },

    async watch({ resourceVersion, timeoutSeconds, idleTimeoutMs }, signal) {
      const initial = { sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' };
      const query = {
        watch: true,
        allowWatchBookmarks: true,
        timeoutSeconds,
        ...(resourceVersion === undefined ? initial : { resourceVersion }),
      };
      try {
        const lines = await client.stream({ path, query, accept: accept(METADATA), signal, idleTimeoutMs });
        return readEvents(lines);
      } catch (error) {
        const failure = toApiError(error);
        // A server without WatchList calls the parameters invalid.
        if (resourceVersion === undefined && failure.kind === 'Invalid') {
          throw new WatchFailure('unsupported', failure.message, { isAnswer: true, cause: failure });
        }
        throw toFailure(failure);
      }
    },
  };
}

async function* readEvents(lines: AsyncIterable<string>): AsyncGenerator<WatchEvent, void> {
  try {
    for await (const line of lines) yield toEvent(line);
  } catch (error) {
    throw error instanceof WatchFailure ? error : fromStream(toApiError(error, 'watch'));
  }
}

/** A stream that has begun has no time limit but its idle time. */
function fromStream(error: ApiError): WatchFailure {
  const isSilent = isKind(error, 'Timeout') && error.status === 0;
  return isSilent ? new WatchFailure('silent', error.message, { cause: error }) : toFailure(error);
}

function toEvent(line: string): WatchEvent {
  const { type, object } = parse(line);
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      return { type, object };
    case 'BOOKMARK': {
      const metadata = asObject(asObject(object)['metadata']);
      const isInitialEnd = asObject(metadata['annotations'])['k8s.io/initial-events-end'] === 'true';
      const resourceVersion = asText(metadata['resourceVersion']);
      if (resourceVersion === '') throw new WatchFailure('broken', 'a bookmark without a version');
      return { type, resourceVersion, isInitialEnd };
    }
    case 'ERROR':
      throw toFailure(fromStatus(object));
    default:
      throw new WatchFailure('broken', 'an event of a kind that is not known');
  }
}

function parse(line: string): { type: unknown; object: unknown } {
  try {
    const event = asObject(JSON.parse(line));
    return { type: event['type'], object: event['object'] };
  } catch (cause) {
    throw new WatchFailure('broken', 'a line that is not JSON', { cause });
  }
}

function toFailure(error: ApiError): WatchFailure {
  const kind = kindOf(error);
  const isAnswer = error.status > 0;
  return new WatchFailure(kind, error.message, { retryAfterMs: error.retryAfterMs, isAnswer, cause: error });
}

function kindOf(error: ApiError): WatchFailure['kind'] {
  if (isKind(error, 'Gone') || isFromTheFuture(error)) return 'expired';
  return isKind(error, 'Forbidden') ? 'forbidden' : 'broken';
}

/** The version asked for is newer than any the server has: its data was restored from a backup, or the request went to one that lags. */
function isFromTheFuture({ cause }: ApiError): boolean {
  const body = typeof cause === 'string' && cause.startsWith('{') ? parseStatus(cause) : cause;
  return asList(asObject(asObject(body)['details'])['causes']).some(
    ({ reason }) => reason === 'ResourceVersionTooLarge',
  );
}

function parseStatus(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // a Status that was cut says nothing
  }
}
