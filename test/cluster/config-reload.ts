import type { ConfigReloadStatus } from '../../src/core/configreload.ts';
import { repairStatus } from '../../src/core/status.ts';
import type { Cluster } from './cluster.ts';
import { waitUntil } from './wait-until.ts';

/** Status of a ConfigReload, with the empty fields that are not stored; undefined where there is none yet. */
export async function readReload(
  cluster: Cluster,
  namespace: string,
  name: string,
): Promise<ConfigReloadStatus | undefined> {
  try {
    const object: { status?: Partial<ConfigReloadStatus> } = await cluster.custom.getNamespacedCustomObject({
      group: 'reload.leindex.io',
      version: 'v1alpha1',
      namespace,
      plural: 'configreloads',
      name,
    });
    return object.status && repairStatus(object.status);
  } catch (error) {
    if ((error as { code?: number }).code === 404) return undefined;
    throw error;
  }
}

/** The status, once `isIt`; the last one seen is in the error. */
export async function waitForReload(
  cluster: Cluster,
  source: { readonly namespace: string; readonly name: string },
  isIt: (status: ConfigReloadStatus) => boolean,
  timeoutMs = 30_000,
): Promise<ConfigReloadStatus> {
  let last: ConfigReloadStatus | undefined;
  try {
    return await waitUntil({
      what: `the ConfigReload ${source.name} is as it should be`,
      timeoutMs,
      everyMs: 50,
      check: async () => {
        last = await readReload(cluster, source.namespace, source.name);
        return last && isIt(last) ? last : undefined;
      },
    });
  } catch (cause) {
    throw new Error(`last seen: ${JSON.stringify(last, null, 1)}`, { cause });
  }
}

export function conditionOf(status: ConfigReloadStatus | undefined, type: string): string {
  const condition = status?.conditions.find((one) => one.type === type);
  return condition ? `${condition.status} ${condition.reason}` : 'none';
}

/** A valid configuration; the number makes it another one. */
export function configText(totalBudget: number): string {
  return `version: "2.0"\nmemory:\n  total_budget_mb: ${totalBudget}\n  global_index_mb: ${Math.round(totalBudget / 4)}\nprojects: {}\nperformance: {}\n`;
}
