import { Cluster } from './cluster.ts';
import { findOrBuildBinaries } from './binaries.ts';
import { startControlPlane, type ControlPlane, type ControlPlaneOptions } from './control-plane.ts';
import { missingForNode, startNode, type Node } from './node.ts';
import { installMissing, nodeRequirements } from './packages.ts';

/** A whole Kubernetes: control plane, controller manager, scheduler and, where the machine can, a node. */
export interface Kubernetes {
  readonly controlPlane: ControlPlane;
  readonly cluster: Cluster;
  /** Undefined where `missing` says why there is none. */
  readonly node: Node | undefined;
  readonly missing: readonly string[];
  stop(): Promise<void>;
}

/**
 * Gets all that is needed (packages as root on Debian, binaries by building them), and starts it: some 9 s when all is
 * there. `node: 'required'` throws, naming what is missing, before anything is built or started.
 */
export async function startKubernetes(
  options: { readonly node: 'required' | 'if-possible' | 'none' } & Pick<ControlPlaneOptions, 'audit'>,
): Promise<Kubernetes> {
  if (options.node !== 'none') await installMissing(nodeRequirements);
  const missing = options.node === 'none' ? ['no node was asked for'] : missingForNode();
  const canHaveNode = missing.length === 0;
  if (options.node === 'required' && !canHaveNode) {
    throw new Error(`no node can run here; missing:\n${missing.join('\n')}`);
  }
  // All at once: what they share is compiled once.
  const names = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubectl'] as const;
  await findOrBuildBinaries([...names, ...(canHaveNode ? (['kubelet'] as const) : [])]);
  const controlPlane = await startControlPlane({
    controllerManager: true,
    scheduler: true,
    ...(options.audit ? { audit: options.audit } : {}),
  });
  try {
    const node = canHaveNode ? await startNode(controlPlane) : undefined;
    return {
      controlPlane,
      cluster: new Cluster(controlPlane.address),
      node,
      missing,
      stop: async () => {
        await node?.stop();
        await controlPlane.stop();
      },
    };
  } catch (error) {
    await controlPlane.stop();
    throw error;
  }
}
