import { pino } from 'pino';
import { createKubeClient, type KubeClient } from '../../src/kube/kube-client.ts';
import { isKind } from '../../src/kube/api-error.ts';
import { resourcePath } from '../../src/kube/resource-path.ts';
import { resources } from '../../src/kube/resources.ts';
import { configText } from '../cluster/config-reload.ts';

export { configText };

/** The load's own client, over few connections, so that making ten thousand objects takes seconds. */
export function createLoadClient(kubeconfig: string): KubeClient {
  return createKubeClient({ kubeconfig, userAgent: 'bench', logger: pino({ level: 'silent' }) });
}

/** Calls `work` for 0 … count−1, at most `width` at the same time. */
export async function inParallel(
  count: number,
  width: number,
  work: (index: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < count; index = next++) await work(index);
  };
  await Promise.all(Array.from({ length: Math.min(width, count) }, worker));
}

export function sourceObject(name: string, budget: number): object {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, annotations: { 'reload.leindex.io/enabled': 'true' } },
    data: { 'mcp_config.yaml': configText(budget) },
  };
}

export async function createConfigMap(client: KubeClient, namespace: string, body: object): Promise<void> {
  const path = resourcePath(resources.configMaps, { namespace });
  for (;;) {
    try {
      await client.request({ method: 'POST', path, body, deadlineMs: 60_000 });
      return;
    } catch (error) {
      if (isKind(error, 'AlreadyExists')) return;
      if (!isKind(error, 'Throttled', 'Timeout', 'Transient')) throw error;
    }
  }
}

export async function editConfigMap(
  client: KubeClient,
  { namespace, name }: { namespace: string; name: string },
  budget: number,
): Promise<void> {
  const path = resourcePath(resources.configMaps, { namespace, name });
  await client.mergePatch(path, { data: { 'mcp_config.yaml': configText(budget) } });
}

/** What the cluster says itself, as soon as it can: when each ConfigMap's change came out of a bare watch. */
export function watchConfigMaps(client: KubeClient, namespace: string, signal: AbortSignal): Promise<Changes> {
  return watchChanges(client, resourcePath(resources.configMaps, { namespace }), signal);
}

/** When each object was heard of last, by name. */
export interface Changes {
  readonly seenAt: Map<string, number>;
}

/** A bare watch, of metadata alone, of the collection at `path`. */
export async function watchChanges(client: KubeClient, path: string, signal: AbortSignal): Promise<Changes> {
  const seenAt = new Map<string, number>();
  const lines = await client.stream({
    path,
    query: { watch: true },
    accept: 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io',
    signal,
    idleTimeoutMs: 600_000,
  });
  void (async () => {
    for await (const line of lines) {
      const at = performance.now();
      const { object } = JSON.parse(line) as { object: { metadata: { name: string } } };
      seenAt.set(object.metadata.name, at);
    }
  })().catch(() => undefined);
  return { seenAt };
}
