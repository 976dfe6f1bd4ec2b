import type { DemoCluster } from './demo-cluster.ts';

/** What one process says that it runs. */
export interface Sighting {
  readonly pod: string;
  /** `total_budget_mb` as the process itself has it. */
  readonly runs: string;
  readonly restarts: number;
}

/** Asks each process: the one by its log, the other by its endpoint. */
export async function lookAtProcesses({ cluster, namespace }: DemoCluster): Promise<Sighting[]> {
  const { items } = await cluster.core.listNamespacedPod({ namespace });
  const running = items.filter((pod) => !pod.metadata?.deletionTimestamp && pod.status?.podIP);
  return Promise.all(
    running.map(async (pod) => {
      const name = pod.metadata?.name ?? '';
      const restarts = pod.status?.containerStatuses?.[0]?.restartCount ?? 0;
      if (pod.metadata?.labels?.['app'] === 'by-signal') {
        const log = await cluster.core.readNamespacedPodLog({ namespace, name, tailLines: 1 });
        return { pod: name, runs: /\d+(?=\s*$)/.exec(log)?.[0] ?? '?', restarts };
      }
      const answer = await fetch(`http://${pod.status?.podIP ?? ''}:8686/v1/config`);
      const { config } = (await answer.json()) as { config: { memory: { total_budget_mb: number } } };
      return { pod: name, runs: String(config.memory.total_budget_mb), restarts };
    }),
  );
}
