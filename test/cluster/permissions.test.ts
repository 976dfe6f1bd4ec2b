import type { V1Pod } from '@kubernetes/client-node';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { permissions } from '../../src/kube/permissions.ts';
import { find, renderChart, type Rendered } from '../chart/render-chart.ts';
import { configText, waitForReload } from './config-reload.ts';
import { startController } from './controller-process.ts';
import { createEndpointTargets, TARGET_CIDR } from './endpoint-targets.ts';
import { setPodRunning } from './pod-status.ts';
import { useOwnControlPlane } from './use-cluster.ts';
import { waitUntil } from './wait-until.ts';

const cluster = await useOwnControlPlane({ audit: 'Metadata' });
const { namespace } = cluster;
const home = await cluster.createNamespace('home');
const name = 'reloader-leindex-reloader';
const user = `system:serviceaccount:${home}:${name}`;
let chart: Rendered[] = [];

const annotated = (source: string, text: string, extra: Record<string, string> = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: source, annotations: { 'reload.leindex.io/enabled': 'true', ...extraKeys(extra) } },
  data: { 'mcp.yaml': text },
});
const extraKeys = (extra: Record<string, string>) =>
  Object.fromEntries(Object.entries(extra).map(([key, value]) => [`reload.leindex.io/${key}`, value]));
const put = (source: string, text: string, extra?: Record<string, string>) =>
  cluster.apply(annotated(source, text, extra) as never, namespace);
const until = (source: string, revision: number) =>
  waitForReload(cluster, { namespace, name: source }, (status) => status.appliedRevision === revision);

/** A pod as if a kubelet ran it; no exec will reach it. */
async function runPod(pod: string, container: object, extra: Partial<V1Pod> = {}): Promise<void> {
  const spec = { nodeName: 'nowhere', containers: [{ name: 'app', image: 'none', ...container }], ...extra.spec };
  await cluster.core.createNamespacedPod({
    namespace,
    body: { metadata: { name: pod, ...extra.metadata }, spec },
  });
  await setPodRunning(cluster, { namespace, name: pod, podIP: '10.9.8.7' });
}

/** What is granted and used, but does not show in this API server's audit log. */
const usedUnseen = {
  'pods/exec create': 'checked when the GET becomes a WebSocket, and not logged: the next test takes it away',
  'configmaps list': 'for API servers without streamed lists: this one streams them through watch',
  'pods list': 'the same',
};

/** What was asked of the API server by the controller, as `resource verb`. */
async function asked(): Promise<{ used: Set<string>; forbidden: string[] }> {
  const events = await cluster.readAudit((event) => event.user.username === user);
  const what = events.map(({ objectRef, verb, responseStatus }) => ({
    line: `${objectRef?.resource ?? '?'}${objectRef?.subresource ? `/${objectRef.subresource}` : ''} ${verb}`,
    isForbidden: responseStatus?.code === 403,
  }));
  const forbidden = what.filter(({ isForbidden }) => isForbidden).map(({ line }) => line);
  return { used: new Set(what.map(({ line }) => line)), forbidden };
}

beforeAll(async () => {
  const features = { tokenSecret: true, restart: true, publish: true };
  chart = await renderChart({ features, admission: { enabled: true } }, home);
  const wanted =
    /^(CustomResourceDefinition|ServiceAccount|(Cluster)?Role(Binding)?|ValidatingAdmissionPolicy(Binding)?|ValidatingWebhookConfiguration)$/;
  for (const object of chart) {
    if (wanted.test(object.kind) && !object.metadata.annotations?.['helm.sh/hook'])
      await cluster.apply(object as never);
  }
});

test('the rendered rules are enough for every feature, and each verb of them is used', async () => {
  await cluster.core.createNamespacedSecret({
    namespace,
    body: { metadata: { name: 'token' }, stringData: { token: 'abc' } },
  });
  await put('web', configText(2048), { 'token-secret': 'token', 'history-limit': '1' });
  await createEndpointTargets(cluster, { namespace, configMap: 'web', count: 1 });
  const args = find(chart, 'Deployment')['spec'].template.spec.containers[0].args as string[];
  const flags = args
    .slice(1)
    .filter((arg) => !arg.startsWith('--listen'))
    .map((arg) => arg.replace(/^(--admission-listen)=.*/, '$1=127.0.0.1:0'));
  const kubeconfig = await cluster.serviceAccountKubeconfig({ namespace: home, name });
  await startController(kubeconfig, ...flags, `--allow-endpoint-cidr=${TARGET_CIDR}`);

  // Revisions, and their pruning; a ConfigMap that is deleted and comes back takes over its ConfigReload.
  await until('web', 1);
  for (let revision = 2; revision <= 10; revision++) {
    await put('web', configText(2048 + revision), { 'token-secret': 'token', 'history-limit': '1' });
    await until('web', revision);
  }
  await cluster.core.deleteNamespacedConfigMap({ namespace, name: 'web' });
  await put('web', configText(4096));

  await put('published', configText(2048), { 'publish-to': 'copy' });
  await waitUntil({
    what: 'the copy is there',
    check: async () => cluster.core.readNamespacedConfigMap({ namespace, name: 'copy' }).catch(() => undefined),
  });
  await put('published', configText(3072), { 'publish-to': 'copy' });

  await put('signalled', configText(2048));
  const mount = { volumeMounts: [{ name: 'config', mountPath: '/etc/leindex' }] };
  await runPod('by-signal', mount, {
    spec: { volumes: [{ name: 'config', configMap: { name: 'signalled' } }] },
  } as Partial<V1Pod>);

  await put('environment', configText(2048), { 'on-unreloadable': 'restart' });
  const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'env', uid: '0-0', controller: true };
  await runPod(
    'env-1',
    { envFrom: [{ configMapRef: { name: 'environment' } }] },
    {
      metadata: { ownerReferences: [owner] },
    },
  );
  await until('environment', 1);
  await sleep(1_100); // starts and texts are told apart by the second
  await put('environment', configText(3072), { 'on-unreloadable': 'restart' });

  // A repeated refusal becomes a series.
  for (const size of [1, 2, 3]) {
    await put('refused', `version: "2.0"\nmemory: {total_budget_mb: 1}\nprojects: {}\nperformance: {}\n# ${size}\n`);
    await sleep(700);
  }

  const granted = Object.values(permissions)
    .flat()
    .flatMap(({ resource, verbs }) => verbs.map((verb) => `${resource} ${verb}`))
    .filter((line) => !Object.hasOwn(usedUnseen, line));
  const unused = async () => {
    const { used } = await asked();
    return granted.filter((line) => !used.has(line));
  };
  await waitUntil({
    what: 'all that is granted was used',
    timeoutMs: 45_000,
    everyMs: 500,
    check: async () => (await unused()).length === 0,
  }).catch(() => undefined);
  expect(await unused()).toEqual([]);
  const { used, forbidden } = await asked();
  expect(forbidden).toEqual([]);
  expect([...used].filter((line) => !granted.includes(line) && !line.startsWith('? '))).toEqual([]);
});

test('without create on pods/exec no exec is made, and it says so', async () => {
  const role = find(chart, 'ClusterRole', name);
  const rules = (role['rules'] as { resources: string[]; verbs: string[] }[]).map((rule) =>
    rule.resources[0] === 'pods/exec' ? { ...rule, verbs: ['get'] } : rule,
  );
  await cluster.apply({ ...role, rules } as never);
  await put('signalled', configText(4096));
  const status = await waitForReload(cluster, { namespace, name: 'signalled' }, (one) =>
    JSON.stringify(one).includes('"ExecForbidden"'),
  );
  expect(status.pods).toMatchObject([{ name: 'by-signal', reason: 'ExecForbidden' }]);
});
