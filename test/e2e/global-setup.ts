import type { TestProject } from 'vitest/node';
import type { ClusterAddress } from '../cluster/cluster.ts';
import { startControlPlane } from '../cluster/control-plane.ts';
import { missingForNode, startNode } from '../cluster/node.ts';
import { installMissing, nodeRequirements } from '../cluster/packages.ts';
import { say } from '../cluster/progress.ts';

/** The cluster with a node that all e2e files share, or why there is none. */
export type NodeProvision = { readonly cluster: ClusterAddress } | { readonly missing: readonly string[] };

declare module 'vitest' {
  interface ProvidedContext {
    node: NodeProvision;
  }
}

/** A whole Kubernetes with one real node, for all files. With CI=true a machine that cannot run it is a failure. */
export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  await installMissing(nodeRequirements);
  const missing = missingForNode();
  if (missing.length > 0) {
    if (process.env['CI'] === 'true') throw new Error(`no node can run here; missing:\n${missing.join('\n')}`);
    for (const line of ['NO e2e TEST WILL RUN. Missing:', ...missing]) say(line);
    project.provide('node', { missing });
    return undefined;
  }
  const controlPlane = await startControlPlane({ controllerManager: true, scheduler: true, audit: 'Metadata' });
  try {
    const node = await startNode(controlPlane);
    project.provide('node', { cluster: controlPlane.address });
    return async () => {
      await node.stop();
      await controlPlane.stop();
    };
  } catch (error) {
    await controlPlane.stop();
    throw error;
  }
}
