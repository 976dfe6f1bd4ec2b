import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, link, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { run } from './run.ts';

export interface ImageSpec {
  /** As `localhost/leindex-reloader/busybox:test`. */
  readonly name: string;
  /** Tar files made by `packLayer`, the lowest first. */
  readonly layers: readonly string[];
  readonly entrypoint: readonly string[];
  readonly workingDir?: string;
  /** As `65532` or `65532:65532`; default root. */
  readonly user?: string;
  /** As `KEY=value`. */
  readonly env?: readonly string[];
}

/** Packs what is in a folder; the same content gives the same bytes. Owners become root. */
export async function packLayer(rootfs: string, tar: string): Promise<void> {
  const sameBytes = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner', '--format=gnu'];
  await run('tar', [...sameBytes, '-C', rootfs, '-cf', tar, '.']);
}

/** Writes a docker-archive, the format of `docker save`, that `ctr images import` reads. */
export async function writeImageArchive(image: ImageSpec, archive: string): Promise<void> {
  const folder = await mkdtemp(`${archive}-`);
  try {
    const digests = await Promise.all(image.layers.map(hashFile));
    const layerNames = digests.map((digest) => `${digest}.tar`);
    await Promise.all(image.layers.map((layer, index) => linkOrCopy(layer, join(folder, layerNames[index]!))));
    const config = JSON.stringify({
      architecture: process.arch === 'x64' ? 'amd64' : process.arch,
      os: 'linux',
      config: {
        Entrypoint: image.entrypoint,
        Env: ['PATH=/usr/local/bin:/usr/bin:/bin', ...(image.env ?? [])],
        WorkingDir: image.workingDir ?? '/',
        User: image.user ?? '',
      },
      rootfs: { type: 'layers', diff_ids: digests.map((digest) => `sha256:${digest}`) },
    });
    const configName = `${createHash('sha256').update(config).digest('hex')}.json`;
    await writeFile(join(folder, configName), config);
    const manifest = [{ Config: configName, RepoTags: [image.name], Layers: layerNames }];
    await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest));
    await run('tar', ['-C', folder, '-cf', archive, 'manifest.json', configName, ...layerNames]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A hard link costs nothing; another file system needs a copy. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  await link(from, to).catch(() => copyFile(from, to));
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
