import type { V1Pod } from '@kubernetes/client-node';
import type { Cluster } from './cluster.ts';

/**
 * A pod that mounts a ConfigMap and offers an endpoint at an address of this machine. No node runs it: its status is written
 * here, as a kubelet would.
 */
export async function createLoopbackPod(
  cluster: Cluster,
  pod: {
    readonly namespace: string;
    readonly name: string;
    readonly configMap: string;
    /** Mounted as well. */
    readonly others?: readonly string[];
    readonly address: string;
    readonly port: number;
    readonly labels?: Record<string, string>;
  },
): Promise<void> {
  const { namespace, name, configMap, others = [], address, port, labels = {} } = pod;
  const mounted = [configMap, ...others];
  const container = {
    name: 'app',
    image: 'none',
    ports: [{ name: 'leindex-reload', containerPort: port }],
    volumeMounts: mounted.map((one) => ({ name: one, mountPath: `/etc/${one}` })),
  };
  const volumes = mounted.map((one) => ({ name: one, configMap: { name: one } }));
  const spec = { nodeName: 'nowhere', terminationGracePeriodSeconds: 0, containers: [container], volumes };
  await cluster.core.createNamespacedPod({ namespace, body: { metadata: { name, labels }, spec } });
  await setPodRunning(cluster, { namespace, name, podIP: address });
}

/** Writes a pod's status as a kubelet does when its container has started. Another `instance` is a restarted container. */
export async function setPodRunning(
  cluster: Cluster,
  pod: {
    readonly namespace: string;
    readonly name: string;
    readonly podIP: string;
    readonly instance?: number;
    readonly isReady?: boolean;
  },
): Promise<void> {
  const { namespace, name, podIP, instance = 0, isReady = true } = pod;
  const current = await cluster.core.readNamespacedPod({ namespace, name });
  const started = new Date();
  await cluster.core.replaceNamespacedPodStatus({
    namespace,
    name,
    body: {
      ...current,
      status: {
        phase: 'Running',
        podIP,
        podIPs: [{ ip: podIP }],
        conditions: [{ type: 'Ready', status: isReady ? 'True' : 'False' }],
        containerStatuses: [
          {
            name: 'app',
            image: 'none',
            imageID: 'none',
            ready: isReady,
            started: true,
            restartCount: instance,
            containerID: `containerd://${name}-${instance}`.padEnd(40, '0'),
            state: { running: { startedAt: started } },
          },
        ],
      },
    },
  });
}

/** How often the containers of a pod have started anew; -1: not known yet. */
export function countRestarts({ status }: V1Pod): number {
  return status?.containerStatuses?.reduce((sum, { restartCount }) => sum + restartCount, 0) ?? -1;
}
