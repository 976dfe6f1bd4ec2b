import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { importImage } from '../cluster/containerd.ts';
import { withFileLock } from '../cluster/file-lock.ts';
import { commandEnv } from '../cluster/find-command.ts';
import { describeMissing, findMissing, imageRequirements } from '../cluster/packages.ts';
import { say } from '../cluster/progress.ts';
import { run } from '../cluster/run.ts';
import { makeBuildTools, makeDistrolessBase, makeSlimBase } from './image-bases.ts';

const root = join(import.meta.dirname, '..', '..');

/** What the Dockerfile's BASE may be. */
export type Base = 'slim' | 'distroless';

/** The image's name on each base. On the slim one it is what the chart and the examples ask for, as a node completes it. */
export const programImages: Readonly<Record<Base, string>> = {
  slim: 'docker.io/library/leindex-reloader:0.1.0',
  distroless: 'docker.io/library/leindex-reloader:0.1.0-distroless',
};

/** Paths of docker-archives of the repository's Dockerfile, one a base. */
export type ProgramArchives = Readonly<Record<Base, string>>;

/**
 * Builds the Dockerfile on both bases, without a container engine or a registry of images, and makes both images known to the
 * node of a cluster. Once a cluster: whoever asks later gets the same. The bases and the builder are made from Debian packages and
 * the npm package `node`, in place of the images that the Dockerfile names.
 */
export async function ensureProgramImages(clusterFolder: string): Promise<ProgramArchives> {
  const folder = join(clusterFolder, 'program-images');
  const archives = { slim: join(folder, 'slim.tar'), distroless: join(folder, 'distroless.tar') };
  await withFileLock(`${folder}.lock`, async () => {
    if (Object.values(archives).every((archive) => existsSync(archive))) return;
    await buildProgramImages(folder, archives);
    for (const archive of Object.values(archives)) await importImage(clusterFolder, archive);
  });
  return archives;
}

async function buildProgramImages(folder: string, archives: ProgramArchives): Promise<void> {
  const missing = findMissing(imageRequirements);
  if (missing.length > 0) throw new Error(`no image can be built; missing:\n${describeMissing(missing).join('\n')}`);
  const work = join(folder, 'work');
  await mkdir(work, { recursive: true });
  const env = { ...commandEnv(), BUILDAH_ISOLATION: 'chroot' };
  const buildah = (...args: string[]) =>
    run('buildah', ['--root', join(work, 'store'), '--runroot', join(work, 'run'), ...args], { env, cwd: root });
  const commit = async (from: string, files: string, as: string) => {
    const container = (await buildah('from', from)).trim();
    await buildah('add', '--quiet', container, files, '/');
    await buildah('commit', '--quiet', '--rm', container, as);
  };
  await commit('scratch', await makeSlimBase(), 'localhost/slim');
  await commit('scratch', await makeDistrolessBase(work), 'localhost/distroless');
  await commit('localhost/slim', await makeBuildTools(work), 'localhost/builder');
  const images = { BUILDER: 'localhost/builder', SLIM: 'localhost/slim', DISTROLESS: 'localhost/distroless' };
  for (const base of ['slim', 'distroless'] as const) {
    say(`building the image ${programImages[base]} with buildah`);
    const args = Object.entries({ ...images, BASE: base }).flatMap(([name, value]) => [
      '--build-arg',
      `${name}=${value}`,
    ]);
    // npm in the build trusts what this machine trusts.
    const certificates = ['--volume', '/etc/ssl/certs:/etc/ssl/certs:ro'];
    await buildah('bud', '--quiet', '--timestamp', '0', ...certificates, ...args, '--tag', programImages[base], '.');
    await buildah('push', '--quiet', programImages[base], `docker-archive:${archives[base]}:${programImages[base]}`);
  }
  // What its stages left mounted.
  await buildah('rm', '--all');
  await rm(work, { recursive: true, force: true });
}
