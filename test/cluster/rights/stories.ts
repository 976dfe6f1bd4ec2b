import { setTimeout as sleep } from 'node:timers/promises';
import { AdmissionregistrationV1Api, type V1Pod } from '@kubernetes/client-node';
import { contentHash } from '../../../src/core/content-hash.ts';
import type { ConfigReloadStatus } from '../../../src/core/configreload.ts';
import { sourceOf } from '../../e2e/workloads.ts';
import type { Cluster } from '../cluster.ts';
import { configText, readReload } from '../config-reload.ts';
import { EndpointTarget } from '../endpoint-targets.ts';
import { createLoopbackPod, setPodRunning } from '../pod-status.ts';
import { waitUntil } from '../wait-until.ts';

/** Where a story happens. */
export interface Place {
  readonly cluster: Cluster;
  readonly namespace: string;
  /** For endpoints; one of loopback's. */
  readonly address: string;
  /** Ends the story, and its endpoints. */
  readonly signal: AbortSignal;
}

/** What people do; it ends when the controller has done its part. */
export type Story = (place: Place) => Promise<void>;

/** An edit reaches an endpoint; its ConfigMap is deleted and comes back. */
export const reload: Story = async (place) => {
  const annotations = { timeout: '2s' }; // a target that fails is tried for so long before anything is said
  await endpoint(place, 'web');
  await put(place, 'web', 2048, annotations);
  await until(place, 'web', ({ appliedRevision }) => appliedRevision === 1);
  await put(place, 'web', 3072, annotations);
  await until(place, 'web', ({ appliedRevision }) => appliedRevision === 2);
  const before = (await readReload(place.cluster, place.namespace, 'web'))?.observedResourceVersion;
  await place.cluster.core.deleteNamespacedConfigMap({ namespace: place.namespace, name: 'web' });
  await put(place, 'web', 3072, annotations);
  await until(place, 'web', ({ observedResourceVersion }) => observedResourceVersion !== before);
};

/** More revisions than may be kept, and a way back to one of them. */
export const manyRevisions: Story = async (place) => {
  const annotations = { 'history-limit': '2' };
  for (let revision = 1; revision <= 11; revision++) {
    await put(place, 'many', 2048 + revision, annotations);
    await until(place, 'many', ({ appliedRevision }) => appliedRevision === revision);
  }
  await put(place, 'many', 2048 + 11, { ...annotations, 'rollback-to': 'previous' });
  await until(place, 'many', ({ rollback }) => rollback?.cause === 'asked');
};

/** The same refusal a second time: one event, counted. */
export const repeatedRefusal: Story = async (place) => {
  const bad = configText(2048).replace('2048', '1');
  for (const text of [bad, configText(2048), bad]) {
    await place.cluster.apply(sourceOf('refused', text) as never, place.namespace);
    await until(place, 'refused', ({ observedHash }) => observedHash === contentHash(text));
  }
  await waitUntil({ what: 'the refusals are one series', signal: place.signal, check: async () => {
    const { items } = await place.cluster.events.listNamespacedEvent({ namespace: place.namespace });
    return items.some(({ reason, series }) => reason === 'ValidationFailed' && (series?.count ?? 0) > 1);
  } }); // prettier-ignore
};

/** A pod that is to be told by signal; no kubelet runs it, so the way to it ends at the API server. */
export const signalled: Story = async (place) => {
  await runPod(place, 'signalled', {
    metadata: {},
    containers: [{ volumeMounts: [{ name: 'config', mountPath: '/etc/leindex' }] }],
    volumes: [{ name: 'config', configMap: { name: 'signalled' } }],
  });
  await put(place, 'signalled', 2048, { timeout: '2s' });
  await until(place, 'signalled', (status) => /"reason":"Exec\w+"/.test(JSON.stringify(status)));
};

/** An endpoint that asks for a token of a Secret. */
export const withToken: Story = async (place) => {
  await place.cluster.core.createNamespacedSecret({
    namespace: place.namespace,
    body: { metadata: { name: 'token' }, stringData: { token: 'abc' } },
  });
  await endpoint(place, 'guarded');
  await put(place, 'guarded', 2048, { 'token-secret': 'token' });
  await until(place, 'guarded', ({ appliedRevision }) => appliedRevision === 1);
};

/** A pod that must be restarted for an edit. */
export const restarted: Story = async (place) => {
  const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'env', uid: '0-0', controller: true };
  await runPod(place, 'environment', {
    metadata: { ownerReferences: [owner] },
    containers: [{ envFrom: [{ configMapRef: { name: 'environment' } }] }],
  });
  const annotations = { 'on-unreloadable': 'restart' };
  await put(place, 'environment', 2048, annotations);
  await until(place, 'environment', ({ appliedRevision }) => appliedRevision === 1);
  await sleep(1_100); // starts and texts are told apart by the second
  await put(place, 'environment', 3072, annotations);
  await waitUntil({ what: 'the pod was evicted', signal: place.signal, check: async () => {
    const { items } = await place.cluster.core.listNamespacedPod({ namespace: place.namespace });
    return items.every(({ metadata }) => metadata?.name !== 'environment' || metadata.deletionTimestamp !== undefined);
  } }); // prettier-ignore
};

/** Validated texts go into another ConfigMap. */
export const published: Story = async (place) => {
  for (const [revision, budget] of [2048, 3072].entries()) {
    await put(place, 'wanted', budget, { 'publish-to': 'running' });
    await until(place, 'wanted', ({ appliedRevision }) => appliedRevision === revision + 1);
  }
};

/** API servers are made to trust the webhook's certificate. */
export const trustedWebhook: Story = async ({ cluster, namespace, signal }) => {
  const api = cluster.kubeConfig.makeApiClient(AdmissionregistrationV1Api);
  const check = async (): Promise<boolean> => {
    const { webhooks = [] } = await api.readValidatingWebhookConfiguration({ name: namespace });
    return webhooks.every(({ clientConfig }) => clientConfig.caBundle);
  };
  await waitUntil({ what: 'the webhook has its caBundle', signal, check });
};

function put(place: Place, name: string, budget: number, annotations: Record<string, string> = {}): Promise<unknown> {
  return place.cluster.apply(sourceOf(name, configText(budget), annotations) as never, place.namespace);
}

async function until(place: Place, name: string, isIt: (status: ConfigReloadStatus) => boolean): Promise<void> {
  const { cluster, namespace, signal } = place;
  const check = async (): Promise<boolean> => {
    const status = await readReload(cluster, namespace, name);
    return status !== undefined && isIt(status);
  };
  await waitUntil({ what: `ConfigReload ${name} is as the story needs it`, timeoutMs: 30_000, signal, check });
}

async function endpoint({ cluster, namespace, address, signal }: Place, configMap: string): Promise<void> {
  const target = new EndpointTarget(configMap, address);
  const port = await target.listen(0);
  signal.addEventListener('abort', () => target.close());
  await createLoopbackPod(cluster, { namespace, name: `${configMap}-0`, configMap, address, port });
}

async function runPod(
  { cluster, namespace }: Place,
  name: string,
  { metadata, containers, volumes }: { metadata: V1Pod['metadata']; containers: object[]; volumes?: object[] },
): Promise<void> {
  const spec = {
    containers: containers.map((one) => ({ name: 'app', image: 'none', ...one })),
    volumes,
  };
  await cluster.core.createNamespacedPod({ namespace, body: { metadata: { ...metadata, name }, spec } as V1Pod });
  await setPodRunning(cluster, { namespace, name, podIP: '10.9.8.7' });
}
