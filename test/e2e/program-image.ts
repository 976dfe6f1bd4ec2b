import { existsSync } from 'node:fs';
import { cp, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { cacheFolder } from '../cluster/cache-folder.ts';
import { withFileLock } from '../cluster/file-lock.ts';
import { commandEnv } from '../cluster/find-command.ts';
import { installMissing } from '../cluster/packages.ts';
import { say } from '../cluster/progress.ts';
import { run } from '../cluster/run.ts';

const root = join(import.meta.dirname, '..', '..');
const SUITE = 'bookworm';
/** The npm that builds; self-contained, unlike Debian's. */
const NPM = '11.6.0';

/** What building an image from the Dockerfile takes, without a container engine or a registry of images. */
export const imageRequirements = [
  { package: 'buildah', provides: 'buildah', purpose: 'building the image' },
  { package: 'debootstrap', provides: 'debootstrap', purpose: 'the base of the image' },
];

/**
 * Builds the repository's Dockerfile on a minimal Debian made by debootstrap, and writes a docker-archive. BUILDER is that
 * Debian with npm. Returns the archive's path.
 */
export async function buildProgramImage(options: { readonly name: string; readonly folder: string }): Promise<string> {
  const missing = await installMissing(imageRequirements);
  if (missing.length > 0)
    throw new Error(`no image can be built; missing: ${missing.map((one) => one.package).join(', ')}`);
  const { name, folder } = options;
  const env = { ...commandEnv(), STORAGE_DRIVER: 'vfs', BUILDAH_ISOLATION: 'chroot' };
  const buildah = (...args: string[]) =>
    run('buildah', ['--root', join(folder, 'store'), '--runroot', join(folder, 'run'), ...args], { env, cwd: root });
  const commit = async (from: string, files: string, as: string) => {
    const container = (await buildah('from', from)).trim();
    await buildah('add', '--quiet', container, files, '/');
    await buildah('commit', '--quiet', '--rm', container, as);
  };
  say(`building the image ${name} with buildah`);
  await mkdir(folder, { recursive: true });
  await commit('scratch', await makeBase(), 'localhost/base');
  await commit('localhost/base', await makeTools(folder), 'localhost/builder');
  const bases = ['--build-arg', 'BUILDER=localhost/builder', '--build-arg', 'BASE=localhost/base'];
  // npm in the build trusts what this machine trusts.
  const certificates = ['--volume', '/etc/ssl/certs:/etc/ssl/certs:ro'];
  await buildah('bud', '--quiet', '--timestamp', '0', ...certificates, ...bases, '--tag', name, '.');
  const archive = join(folder, 'program.tar');
  await buildah('push', '--quiet', name, `docker-archive:${archive}:${name}`);
  return archive;
}

/** A minimal Debian with certificates, kept: its root folder. */
async function makeBase(): Promise<string> {
  const kept = cacheFolder(`debian-${SUITE}`);
  await mkdir(dirname(kept), { recursive: true });
  await withFileLock(`${kept}.lock`, async () => {
    if (existsSync(kept)) return;
    say(`making a minimal Debian with debootstrap, once; kept in ${kept}`);
    const unfinished = `${kept}.unfinished`;
    await rm(unfinished, { recursive: true, force: true });
    await run('debootstrap', ['--variant=minbase', '--include=ca-certificates', SUITE, unfinished]);
    for (const waste of ['var/cache/apt/archives', 'var/lib/apt/lists'])
      await rm(join(unfinished, waste), { recursive: true });
    await rename(unfinished, kept);
  });
  return kept;
}

/** The lock file's Node, and npm whole as the registry has it, as a folder to put onto the base. */
async function makeTools(folder: string): Promise<string> {
  const tools = join(folder, 'tools');
  const modules = join(tools, 'usr/local/lib/node_modules');
  for (const place of ['usr/local/bin', 'usr/local/etc', 'usr/local/lib/node_modules/npm'])
    await mkdir(join(tools, place), { recursive: true });
  await cp(process.execPath, join(tools, 'usr/local/bin/node'), { dereference: true });
  await run('npm', ['pack', '--pack-destination', folder, `npm@${NPM}`], { cwd: '/' });
  const archive = join(folder, `npm-${NPM}.tgz`);
  await run('tar', ['-C', join(modules, 'npm'), '--strip-components=1', '-xzf', archive]);
  await symlink('../lib/node_modules/npm/bin/npm-cli.js', join(tools, 'usr/local/bin/npm'));
  await writeFile(join(tools, 'usr/local/etc/npmrc'), 'cafile=/etc/ssl/certs/ca-certificates.crt\n');
  return tools;
}
