import type { TestProject } from 'vitest/node';
import type { ClusterAddress } from './cluster.ts';
import { startControlPlane } from './control-plane.ts';

declare module 'vitest' {
  interface ProvidedContext {
    cluster: ClusterAddress;
  }
}

/** One etcd and kube-apiserver for all test files of the project `cluster`; they take it by `useCluster`. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const controlPlane = await startControlPlane({ audit: 'Metadata' });
  project.provide('cluster', controlPlane.address);
  return () => controlPlane.stop();
}
