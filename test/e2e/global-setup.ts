import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import type { ClusterAddress } from '../cluster/cluster.ts';
import { addBundleImages, buildBundle } from './bundle-image.ts';
import { startKubernetes } from '../cluster/kubernetes.ts';
import { missingForNode } from '../cluster/node.ts';
import { say } from '../cluster/progress.ts';

/** The cluster with a node that all e2e files share and the built program, or why there is none. */
export type NodeProvision =
  { readonly cluster: ClusterAddress; readonly program: string } | { readonly missing: readonly string[] };

declare module 'vitest' {
  interface ProvidedContext {
    node: NodeProvision;
  }
}

/** A whole Kubernetes with one real node and the images of this project, for all files. With CI=true a machine that cannot run it is a failure. */
export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const missing = missingForNode();
  if (missing.length > 0 && process.env['CI'] !== 'true') {
    for (const line of ['NO END-TO-END TEST WILL RUN, for there can be no node. Missing:', ...missing]) say(line);
    project.provide('node', { missing });
    return undefined;
  }
  const kubernetes = await startKubernetes({ node: 'required', audit: 'Metadata' });
  try {
    const { address } = kubernetes.controlPlane;
    const app = await buildBundle(address.folder);
    await addBundleImages(address, app);
    project.provide('node', { cluster: address, program: join(app, 'dist', 'leindex-reloader.js') });
  } catch (error) {
    await kubernetes.stop();
    throw error;
  }
  return () => kubernetes.stop();
}
