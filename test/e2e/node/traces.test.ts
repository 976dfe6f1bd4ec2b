import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Cluster } from '../../cluster/cluster.ts';
import { busyboxImage } from '../../cluster/images.ts';
import type { NodeTraces } from '../../cluster/node-traces.ts';
import { run } from '../../cluster/run.ts';
import { startInChild } from '../../cluster/start-in-child.ts';
import { waitUntil } from '../../cluster/wait-until.ts';
import { describeOnNode } from '../describe-on-node.ts';

/** How long the pod sleeps: no other process on the machine does so for as long. */
const seconds = 360_017;

describeOnNode('a second node beside the first', (first) => {
  test('runs pods of its own, and leaves nothing on the machine when its owner is killed', async () => {
    const { child, folder } = await startInChild('required');
    const { address, bridge } = JSON.parse(await readFile(join(folder, 'node.json'), 'utf8')) as NodeTraces;
    const cluster = new Cluster({
      folder,
      url: '',
      kubeconfig: join(folder, 'kubeconfigs', 'admin.yaml'),
      auditLog: null,
      hasControllerManager: true,
    });
    await waitUntil({
      what: 'the default service account is there',
      check: () =>
        cluster.core.readNamespacedServiceAccount({ namespace: 'default', name: 'default' }).catch(() => false),
    });
    await cluster.apply(busyboxPod, 'default');
    const isRunningPod = async (): Promise<boolean> =>
      (await cluster.core.readNamespacedPod({ namespace: 'default', name: 'left' })).status?.phase === 'Running';
    await waitUntil({ what: 'the pod runs', check: isRunningPod });
    expect(await findTraces({ folder, address, bridge })).toEqual([
      'address',
      'bridge',
      'container',
      'mounts',
      'nat rule',
      'processes',
    ]);

    child.kill('SIGKILL');
    await waitUntil({ what: 'the folder is gone', check: () => !existsSync(folder) });
    expect(await findTraces({ folder, address, bridge })).toEqual([]);

    const nodes = await first.core.listNode();
    expect(nodes.items).toHaveLength(1);
  });
});

/** What of a node can be seen on the machine. */
async function findTraces(node: { readonly folder: string } & Omit<NodeTraces, 'natRules'>): Promise<string[]> {
  const processes = await run('ps', ['-eo', 'args']);
  const traces = {
    address: (await run('ip', ['address', 'show', 'dev', 'lo'])).includes(`${node.address}/32`),
    bridge: (await run('ip', ['link'])).includes(node.bridge),
    container: processes.includes(`sleep ${seconds}`),
    mounts: (await readFile('/proc/self/mountinfo', 'utf8')).includes(node.folder),
    'nat rule': (await run('iptables', ['-w', '-t', 'nat', '-S'])).includes(node.bridge),
    processes: processes.includes(node.folder),
  };
  return Object.entries(traces).flatMap(([name, isThere]) => (isThere ? [name] : []));
}

const busyboxPod = `
apiVersion: v1
kind: Pod
metadata: { name: left }
spec:
  containers: [{ name: main, image: '${busyboxImage}', command: [sleep, '${seconds}'] }]
`;
