import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { contentHash } from '../../src/core/content-hash.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { configText, waitForReload } from '../cluster/config-reload.ts';
import { startKubernetes } from '../cluster/kubernetes.ts';
import { countRestarts } from '../cluster/pod-status.ts';
import { waitUntil } from '../cluster/wait-until.ts';
import { podOf } from '../e2e/workloads.ts';
import { startBundle } from './controller-under-test.ts';
import { createConfigMap, createLoadClient, editConfigMap, sourceObject } from './load.ts';
import { type Bench, ms, percentile } from './row.ts';

const EDITS = Number(process.env['BENCH_SIGNALS'] ?? 40);
const name = 'signalled';

/**
 * One pod on a real kubelet whose process traps SIGHUP and writes down the hash of its file at that moment. Measured from the
 * edit's request to that line (by the time that containerd gave it), and to the ConfigReload that calls it proven.
 */
const bench: Bench = async (report) => {
  const kubernetes = await startKubernetes({ node: 'required' });
  try {
    const { cluster } = kubernetes;
    await cluster.apply(await readFile(join(import.meta.dirname, '..', '..', 'deploy', 'crd.yaml'), 'utf8'));
    const client = createLoadClient(cluster.kubeconfig);
    const controller = await startBundle(cluster.kubeconfig);
    const namespace = await cluster.createNamespace('signal');
    await createConfigMap(client, namespace, sourceObject(name, 1024));
    await cluster.apply(podOf(name, { configMap: name }) as never, namespace);
    await waitForReload(cluster, { namespace, name }, ({ podsReady }) => podsReady === '1/1', 60_000);

    const signalled: number[] = [];
    const proven: number[] = [];
    for (let round = 0; round < EDITS; round++) {
      const budget = 2_000 + round * 4;
      const hash = contentHash(Buffer.from(configText(budget)));
      const sentAt = Date.now();
      await editConfigMap(client, { namespace, name }, budget);
      await waitForReload(cluster, { namespace, name }, ({ appliedHash }) => appliedHash === hash, 60_000);
      proven.push(Date.now() - sentAt);
      signalled.push((await signalledAt(cluster, namespace, hash)) - sentAt);
    }
    const pod = await cluster.core.readNamespacedPod({ namespace, name });
    if (countRestarts(pod) !== 0) throw new Error('the container was restarted: these are no reloads');
    for (const [what, samples] of [
      ['the process has read the new file at SIGHUP', signalled],
      ['that is proven and recorded', proven],
    ] as const) {
      const p99 = percentile(samples, 0.99);
      report({
        name: `update → ${what}, p50 / p99 of ${EDITS}`,
        measured: `${ms(percentile(samples, 0.5))} / ${ms(p99)}`,
        floor: 'the kubelet alone: 44 to 74 s',
        ratio: '',
        target: 'p99 ≤ 2 s',
        isReached: p99 <= 2_000,
      });
    }
    await controller.stop();
    await client.close();
  } finally {
    await kubernetes.stop();
  }
};
export default bench;

/** When the process wrote that it was signalled with this text, milliseconds since 1970. */
async function signalledAt(cluster: Cluster, namespace: string, hash: string): Promise<number> {
  return waitUntil({
    what: 'the process wrote down its signal',
    check: async () => {
      const log = (await cluster.core.readNamespacedPodLog({ namespace, name, timestamps: true, tailLines: 5 })) || '';
      const line = log.split('\n').find((one) => one.endsWith(` HUP ${hash.slice('sha256:'.length)}`));
      return line === undefined ? undefined : Date.parse(line.slice(0, line.indexOf(' ')));
    },
  });
}
