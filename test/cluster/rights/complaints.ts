import type { Cluster } from '../cluster.ts';
import { readReload } from '../config-reload.ts';
import type { LaunchedController } from '../controller-process.ts';

/** The words in which a missing right shows. */
const words = /forbidden|TokenSecretMissing|controller may not/i;

/** Where a person would see that the controller lacks a right: its log, events, ConfigReloads, and the count of lost events. */
export async function complaints(
  { log, port }: LaunchedController,
  { cluster, namespace }: { readonly cluster: Cluster; readonly namespace: string },
): Promise<string[]> {
  const lines = log.filter((line) => words.test(JSON.stringify(line)));
  const { items } = await cluster.events.listNamespacedEvent({ namespace });
  const { items: sources } = await cluster.core.listNamespacedConfigMap({ namespace });
  const reloads = await Promise.all(sources.map(({ metadata }) => readReload(cluster, namespace, metadata!.name!)));
  return [
    ...lines.map((line) => `log: ${JSON.stringify(line)}`),
    ...items.filter(({ note }) => words.test(note ?? '')).map(({ reason, note }) => `event: ${reason}: ${note}`),
    ...reloads
      .filter((status) => words.test(JSON.stringify(status ?? '')))
      .map((status) => `status: ${JSON.stringify(status)}`),
    ...(await lostEvents(port())),
  ];
}

async function lostEvents(port: number | undefined): Promise<string[]> {
  if (port === undefined) return [];
  const metrics = await fetch(`http://127.0.0.1:${port}/metrics`).then((answer) => answer.text(), () => ''); // prettier-ignore
  const count = /^leindex_reloader_events_dropped_total (\d+)$/m.exec(metrics)?.[1] ?? '0';
  return count === '0' ? [] : [`metric: ${count} events were lost`];
}
