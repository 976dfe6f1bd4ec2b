import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cluster } from '../cluster/cluster.ts';
import { setPodRunning } from '../cluster/pod-status.ts';
import { waitUntil } from '../cluster/wait-until.ts';

/** The range that the controller is allowed to call for it. */
export const LOOPBACK_CIDR = '127.64.0.0/10';
const PORT = 8686;

/**
 * Where no node can run: real managers as plain processes, each on a loopback address of its own, and pods whose status
 * says that they have it. The controller sees no difference.
 */
export async function startLoopbackTargets(
  cluster: Cluster,
  { folder, bundle, config, count }: { folder: string; bundle: string; config: string; count: number },
): Promise<ChildProcess[]> {
  const children: ChildProcess[] = [];
  for (let index = 1; index <= count; index++) {
    const name = `by-endpoint-${index}`;
    const address = `127.64.0.${index}`;
    const file = join(folder, `${name}.yaml`);
    await writeFile(file, config);
    const listen = `${address}:${PORT}`;
    const args = [bundle, 'manager', '--config', file, '--listen', listen, '--insecure-no-auth', '--log-level', 'warn'];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] });
    children.push(child);
    await once(child, 'spawn');
    await waitUntil({
      what: `${name} is ready`,
      check: () =>
        fetch(`http://${listen}/readyz`).then(
          ({ ok }) => ok,
          () => false,
        ),
    });
    await cluster.core.createNamespacedPod({ namespace: 'default', body: podOf(name) });
    await setPodRunning(cluster, { namespace: 'default', name, podIP: address });
  }
  return children;
}

function podOf(name: string) {
  return {
    metadata: { name, labels: { app: 'by-endpoint' } },
    spec: {
      nodeName: 'nowhere',
      terminationGracePeriodSeconds: 0,
      containers: [
        {
          name: 'app',
          image: 'none',
          ports: [{ name: 'leindex-reload', containerPort: PORT }],
          volumeMounts: [{ name: 'config', mountPath: '/etc/leindex' }],
        },
      ],
      volumes: [{ name: 'config', configMap: { name: 'leindex-config' } }],
    },
  };
}
