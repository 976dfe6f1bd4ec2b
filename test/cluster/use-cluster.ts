import { afterAll, inject } from 'vitest';
import { Cluster } from './cluster.ts';
import { startControlPlane, type ControlPlane, type ControlPlaneOptions } from './control-plane.ts';
import type {} from './global-setup.ts';

export interface UsedCluster extends Cluster {
  /** Fresh, and removed with all that is in it after the file's tests. */
  readonly namespace: string;
}

/**
 * The control plane that all files of this vitest project share, as administrator, with a fresh namespace for this
 * file. Call it at the top of a test file or of a `describe`. What is not in the namespace (CRDs, cluster roles) is
 * shared: apply it, don't delete it. There is no controller manager, scheduler or node: nothing changes but what tests
 * change. To stop or slow the API server, use `useOwnControlPlane`.
 */
export async function useCluster(): Promise<UsedCluster> {
  return await withNamespace(new Cluster(inject('cluster')));
}

/** A control plane for this file alone (some 3 s): it may be stopped, killed and started again. */
export async function useOwnControlPlane(
  options: ControlPlaneOptions = {},
): Promise<UsedCluster & { readonly controlPlane: ControlPlane }> {
  const controlPlane = await startControlPlane(options);
  afterAll(() => controlPlane.stop());
  const cluster = new Cluster(controlPlane.address);
  const namespace = await cluster.createNamespace();
  return Object.assign(cluster, { namespace, controlPlane });
}

async function withNamespace(cluster: Cluster): Promise<UsedCluster> {
  const namespace = await cluster.createNamespace();
  afterAll(() => cluster.removeNamespace(namespace));
  return Object.assign(cluster, { namespace });
}
