import { execFileSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NodeCluster } from './describe-on-node.ts';
import { bundleImage, shelllessImage } from './workloads.ts';

const root = join(import.meta.dirname, '..', '..');

/** Builds the bundle and makes two images of it known to the node: with a shell, and without any. */
export async function addBundleImages(node: NodeCluster): Promise<void> {
  execFileSync(process.execPath, [join(root, 'scripts', 'build.ts')], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const folder = await mkdtemp(join(tmpdir(), 'leindex-reloader-image-'));
  try {
    await mkdir(join(folder, 'dist'));
    await cp(join(root, 'dist'), join(folder, 'dist'), { recursive: true });
    await cp(join(root, 'package.json'), join(folder, 'package.json'));
    const args = ['dist/leindex-reloader.js'];
    await node.addAppImage({ name: bundleImage, appFolder: folder, args });
    await node.addAppImage({ name: shelllessImage, appFolder: folder, args, hasShell: false });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
