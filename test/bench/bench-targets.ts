import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { KubeClient } from '../../src/kube/kube-client.ts';
import { resourcePath } from '../../src/kube/resource-path.ts';
import { resources } from '../../src/kube/resources.ts';
import { inParallel } from './load.ts';

/** The range that the controller must be allowed to call. */
export const TARGET_CIDR = '127.64.0.0/10';

/** When each target, by its address, answered which hash last. */
export interface BenchTargets {
  readonly answeredAt: Map<string, { hash: string; at: number }>;
  readonly addresses: readonly string[];
  /** Deliveries in all. */
  count(): number;
  close(): Promise<void>;
}

/**
 * Pods whose endpoints are one server on many loopback addresses. `configMapOf` names the ConfigMap that pod `index` mounts.
 * No node runs them: their status is written here, as a kubelet would.
 */
export async function createBenchTargets(
  client: KubeClient,
  options: {
    readonly namespace: string;
    readonly count: number;
    readonly net: number;
    readonly configMapOf: (index: number) => string;
  },
): Promise<BenchTargets> {
  const { namespace, count, net, configMapOf } = options;
  const answeredAt = new Map<string, { hash: string; at: number }>();
  let deliveries = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      deliveries++;
      const { hash } = JSON.parse(Buffer.concat(chunks).toString()) as { hash: string };
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ result: 'success', hash }));
      answeredAt.set(request.socket.localAddress ?? '', { hash, at: performance.now() });
    });
  });
  server.listen(0, '0.0.0.0');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const addressOf = (index: number) => `127.${64 + net}.${Math.floor(index / 250)}.${(index % 250) + 1}`;
  await inParallel(count, 16, async (index) => {
    const name = `pod-${net}-${index}`;
    const pod = podObject({ name, configMap: configMapOf(index), port });
    await client.request({ method: 'POST', path: resourcePath(resources.pods, { namespace }), body: pod });
    const status = statusObject(name, addressOf(index));
    const path = resourcePath(resources.pods, { namespace, name, subresource: 'status' });
    await client.mergePatch(path, { status });
  });
  return {
    answeredAt,
    addresses: Array.from({ length: count }, (_, index) => addressOf(index)),
    count: () => deliveries,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

function podObject({ name, configMap, port }: { name: string; configMap: string; port: number }): object {
  const container = {
    name: 'app',
    image: 'none',
    ports: [{ name: 'leindex-reload', containerPort: port }],
    volumeMounts: [{ name: 'config', mountPath: '/etc/leindex' }],
  };
  const volumes = [{ name: 'config', configMap: { name: configMap } }];
  const spec = { nodeName: 'nowhere', terminationGracePeriodSeconds: 0, containers: [container], volumes };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec };
}

function statusObject(name: string, podIP: string): object {
  const running = { startedAt: new Date(Date.now() - 3_600_000).toISOString().replace(/\.\d+Z/, 'Z') };
  return {
    phase: 'Running',
    podIP,
    podIPs: [{ ip: podIP }],
    conditions: [{ type: 'Ready', status: 'True' }],
    containerStatuses: [
      {
        name: 'app',
        image: 'none',
        imageID: 'none',
        ready: true,
        started: true,
        restartCount: 0,
        containerID: `containerd://${name}`.padEnd(40, '0'),
        state: { running },
      },
    ],
  };
}
