import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Child, startChild } from '../cluster/child.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { createLoopbackPod } from '../cluster/pod-status.ts';

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
): Promise<Child[]> {
  const children: Child[] = [];
  for (let index = 1; index <= count; index++) {
    const name = `by-endpoint-${index}`;
    const address = `127.64.0.${index}`;
    const file = join(folder, `${name}.yaml`);
    await writeFile(file, config);
    const listen = `${address}:${PORT}`;
    const args = [bundle, 'manager', '--config', file, '--listen', listen, '--insecure-no-auth', '--log-level', 'warn'];
    const child = await startChild({ folder, name, command: process.execPath, args });
    children.push(child);
    await child.untilReady(() =>
      fetch(`http://${listen}/readyz`).then(
        ({ ok }) => ok,
        () => false, // it does not listen yet
      ),
    );
    const labels = { app: 'by-endpoint' };
    const pod = { namespace: 'default', name, configMap: 'leindex-config', address, port: PORT, labels };
    await createLoopbackPod(cluster, pod);
  }
  return children;
}
