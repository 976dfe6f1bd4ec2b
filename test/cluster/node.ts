import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { findOrBuildBinaries } from './binaries.ts';
import type { Child } from './child.ts';
import { Cluster, type ClusterAddress } from './cluster.ts';
import { importImage, startContainerd } from './containerd.ts';
import type { ControlPlane } from './control-plane.ts';
import { buildAppImage, buildBaseImages, pauseImage } from './images.ts';
import { startKubelet } from './kubelet.ts';
import { createNodeNetwork } from './node-network.ts';
import { removeNodeTraces } from './node-traces.ts';
import { describeMissing, findMissing, nodeRequirements } from './packages.ts';

/** A real kubelet on containerd and runc, on this machine. */
export interface Node {
  readonly name: string;
  /** Also reached from pods; the host reaches pods by their own addresses. */
  readonly address: string;
  readonly kubelet: Child;
  /** Ends every container, the kubelet and containerd, and undoes what they changed on the machine. */
  stop(): Promise<void>;
}

/** What keeps this machine from running a node, and how to get it; empty where nothing does. */
export function missingForNode(): string[] {
  if (process.platform !== 'linux') return ['Linux: a kubelet runs nowhere else'];
  const root = process.getuid?.() === 0 ? [] : ['root: a kubelet mounts and makes networks; run it with sudo'];
  return [...root, ...describeMissing(findMissing(nodeRequirements))];
}

/** Ready when it returns, with `busyboxImage` there. The control plane needs its controller manager and scheduler. */
export async function startNode(controlPlane: ControlPlane, name = 'node'): Promise<Node> {
  const missing = missingForNode();
  if (missing.length > 0) throw new Error(`no node can run here; missing:\n${missing.join('\n')}`);
  const { kubelet: command } = await findOrBuildBinaries(['kubelet']);
  const { folder } = controlPlane;
  const images = imagesFolder(folder);
  await mkdir(images);
  const { address, cniFolder } = await createNodeNetwork(folder, Number(new URL(controlPlane.url).port));
  const containerd = await startContainerd({ folder, cniFolder, sandboxImage: pauseImage });
  for (const archive of await buildBaseImages(images)) await importImage(folder, archive);
  const kubelet = await startKubelet({
    command,
    controlPlane,
    nodeName: name,
    address,
    containerRuntimeEndpoint: containerd.endpoint,
  });
  const cluster = new Cluster(controlPlane.address);
  await kubelet.untilReady(() => isNodeReady(cluster, name), 120_000);
  return {
    name,
    address,
    kubelet,
    stop: async () => {
      await kubelet.stop();
      await containerd.child.stop();
      await removeNodeTraces(folder);
    },
  };
}

/**
 * Builds an image of this machine's Node and a folder of files (/app), and makes it known to the node of a cluster,
 * from any process.
 */
export async function addAppImage(
  { folder }: Pick<ClusterAddress, 'folder'>,
  options: Omit<Parameters<typeof buildAppImage>[0], 'folder'>,
): Promise<void> {
  const archive = await buildAppImage({ ...options, folder: imagesFolder(folder) });
  await importImage(folder, archive);
  await rm(archive);
}

function imagesFolder(folder: string): string {
  return join(folder, 'images');
}

/** Ready, and free of the taint that keeps pods from a node that was not. */
async function isNodeReady(cluster: Cluster, name: string): Promise<boolean> {
  const node = await cluster.core.readNode({ name }).catch(() => undefined);
  const isReady = node?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');
  return isReady === true && !node?.spec?.taints?.length;
}
