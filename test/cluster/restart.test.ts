import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { conditionOf, configText, waitForReload } from './config-reload.ts';
import { startController } from './controller-process.ts';
import { setPodRunning } from './pod-status.ts';
import { useOwnControlPlane } from './use-cluster.ts';
import { waitUntil } from './wait-until.ts';

const cluster = await useOwnControlPlane({ controllerManager: true });
const { namespace } = cluster;

/** What a kubelet would do: pods that are there run. */
async function runPods(): Promise<string[]> {
  const { items } = await cluster.core.listNamespacedPod({ namespace });
  for (const pod of items) {
    if (pod.status?.phase === 'Running' || pod.metadata?.deletionTimestamp) continue;
    const name = pod.metadata!.name!;
    await setPodRunning(cluster, { namespace, name, podIP: '10.1.2.3' }).catch((error: unknown) => {
      // Evicted, or changed by the controller, since it was listed: a kubelet looks again, too.
      if (![404, 409].includes((error as { code?: number }).code ?? 0)) throw error;
    });
  }
  return items.map((pod) => pod.metadata!.name!).sort();
}

const source = (text: string, extra: Record<string, string>) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'env', annotations: { 'reload.leindex.io/enabled': 'true', ...extra } },
  data: { 'mcp.yaml': text },
});
const deployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'env' },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: 'env' } },
    template: {
      metadata: { labels: { app: 'env' } },
      spec: {
        terminationGracePeriodSeconds: 0,
        containers: [{ name: 'app', image: 'none', envFrom: [{ configMapRef: { name: 'env' } }] }],
      },
    },
  },
};

test('pods that use the source as environment are reported, or restarted one at a time where that is asked for', async () => {
  await cluster.apply(readFileSync(new URL('../../deploy/crd.yaml', import.meta.url), 'utf8'));
  await cluster.apply(deployment as never, namespace);
  await startController(cluster.kubeconfig);
  const first = await waitUntil({
    what: 'there are two pods',
    check: async () => (await runPods()).length === 2 && runPods(),
  });

  await cluster.apply(source(configText(2048), {}) as never, namespace);
  const reported = await waitForReload(cluster, { namespace, name: 'env' }, (status) => status.targets.skipped === 2);
  expect(reported.pods.map(({ reason }) => reason)).toEqual(['EnvironmentUse', 'EnvironmentUse']);

  const restart = { 'reload.leindex.io/on-unreloadable': 'restart' };
  await cluster.apply(source(configText(2048), restart) as never, namespace);
  await sleep(1500);
  expect(await runPods()).toEqual(first); // the first revision restarts nobody

  await sleep(1100); // starts and texts are told apart by the second
  await cluster.apply(source(configText(4096), restart) as never, namespace);
  const seen = new Set<string>(first);
  const done = await waitUntil({
    what: 'all pods have started anew',
    check: async () => {
      const pods = await runPods();
      for (const pod of pods) seen.add(pod);
      const status = await waitForReload(cluster, { namespace, name: 'env' }, () => true);
      return conditionOf(status, 'Reloaded') === 'True Reloaded' && status.appliedRevision === 2 && status;
    },
  });
  expect(done).toMatchObject({ podsReady: '2/2', targets: { reloaded: 2, skipped: 0 } });
  for (const pod of await runPods()) seen.add(pod);
  expect(seen.size).toBe(4);
  const settled = await runPods();
  expect(settled.filter((pod) => first.includes(pod))).toEqual([]);
  await sleep(1500);
  expect(await runPods()).toEqual(settled); // and then nobody is disturbed any more
});
