import type { Cluster } from './cluster.ts';

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
