import { asList, asObject, asText, type Json } from '../core/json.ts';
import type { SettledReload } from '../operator/settled-sources.ts';
import type { KubeClient } from './kube-client.ts';
import { resourcePath } from './resource-path.ts';
import { resources } from './resources.ts';

const PAGE = 500;
/** The server's own printing: a row carries the columns of the CRD and the metadata, not a history of up to 256 KiB. */
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io';

/** Every ConfigReload whose condition Reloaded is True, by `namespace/name`, in a few pages. */
export async function listSettledReloads(
  client: KubeClient,
  namespaces: readonly string[],
  signal: AbortSignal,
): Promise<Map<string, SettledReload>> {
  const settled = new Map<string, SettledReload>();
  for (const namespace of namespaces.length === 0 ? [undefined] : namespaces) {
    const path = resourcePath(resources.configReloads, { namespace });
    let next: string | undefined;
    do {
      const query = { limit: PAGE, continue: next };
      const { body } = await client.request<unknown>({ path, query, accept: TABLE, signal });
      const table = asObject(body);
      const columns = asList(table['columnDefinitions']).map(({ name }) => asText(name));
      for (const row of asList(table['rows'])) addRow(settled, row, columns);
      next = asText(asObject(table['metadata'])['continue']) || undefined;
    } while (next !== undefined);
  }
  return settled;
}

function addRow(settled: Map<string, SettledReload>, row: Json, columns: readonly string[]): void {
  const cells = row['cells'] as readonly unknown[];
  const cell = (name: string) => asText(cells[columns.indexOf(name)]);
  if (cell('Reloaded') !== 'True') return;
  const metadata = asObject(asObject(row['object'])['metadata']);
  settled.set(`${asText(metadata['namespace'])}/${asText(metadata['name'])}`, {
    ownerUid: asText(asList(metadata['ownerReferences'])[0]?.['uid']),
    resourceVersion: cell('Observed'),
    appliedHash: cell('Hash'),
    time: cell('Applied'),
  });
}
