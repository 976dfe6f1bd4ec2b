import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { inject } from 'vitest';
import { tagImage } from '../cluster/containerd.ts';
import { busyboxImage } from '../cluster/images.ts';
import type { NodeCluster } from './describe-on-node.ts';

const examples = join(import.meta.dirname, '..', '..', 'examples');

/**
 * Makes the images that `examples/` name known to the node, which reaches no registry. `leindex-reloader` is the Dockerfile's own;
 * in place of the others stand, under their names: this machine's busybox for `busybox`, the lock file's Node without a shell for
 * distroless Node, and that Node with the built package and `library/` for the library's example.
 */
export async function addExampleImages(node: NodeCluster): Promise<void> {
  const provision = inject('node');
  if ('missing' in provision) throw new Error('there is no node');
  const { folder } = provision.cluster;
  await tagImage(folder, busyboxImage, 'docker.io/library/busybox:1.37');
  const work = await mkdtemp(join(folder, 'example-images-'));
  try {
    const distroless = join(work, 'distroless');
    await mkdir(distroless);
    const name = 'gcr.io/distroless/nodejs24-debian12:nonroot';
    await node.addAppImage({ name, appFolder: distroless, args: [], hasShell: false });

    // As `npm install` lays it out: the package beside what it needs.
    const library = join(work, 'library');
    const built = dirname(dirname(provision.program));
    await cp(join(examples, 'library'), library, { recursive: true });
    await cp(join(built, 'node_modules'), join(library, 'node_modules'), { recursive: true });
    for (const part of ['dist', 'package.json'])
      await cp(join(built, part), join(library, 'node_modules', 'leindex-reloader', part), { recursive: true });
    await node.addAppImage({
      name: 'docker.io/library/library-example:0.1.0',
      appFolder: library,
      args: ['server.ts'],
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
