import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import {
  chmod,
  copyFile,
  mkdir,
  mkdtemp,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { cacheFolder } from './cache-folder.ts';
import { findCommand } from './find-command.ts';
import { packLayer, writeImageArchive } from './image.ts';
import { run } from './run.ts';

/** Image names; nothing is ever pulled, so pods use `imagePullPolicy: Never` or `IfNotPresent`. */
export const pauseImage = 'localhost/leindex-reloader/pause:test';
export const busyboxImage = 'localhost/leindex-reloader/busybox:test';

/** What every sandbox runs, and a shell with the usual tools whose process 1 the pod chooses: `[name, archive]`. */
export async function buildBaseImages(folder: string): Promise<string[]> {
  const layers = [await busyboxLayer()];
  const pause = join(folder, 'pause.tar');
  const busybox = join(folder, 'busybox.tar');
  // `sleep` as process 1 gets no SIGTERM, having no handler for it; the shell's trap ends the pause at once.
  // Its name is not `sh`, which a pod that shares its processes may look for.
  const wait = ['/bin/busybox', 'sh', '-c', 'trap "exit 0" TERM INT; while :; do sleep 86400 & wait; done'];
  await writeImageArchive({ name: pauseImage, layers, entrypoint: wait }, pause);
  await writeImageArchive({ name: busyboxImage, layers, entrypoint: [] }, busybox);
  return [pause, busybox];
}

/**
 * An image with this machine's Node and the files of a folder in /app, where it starts. `hasShell: false` leaves out
 * sh, kill and sha256sum, as a distroless image does. Writes the archive and returns its path.
 */
export async function buildAppImage(options: {
  readonly name: string;
  /** Goes to /app as it is. */
  readonly appFolder: string;
  /** Arguments of node, relative to /app. */
  readonly args: readonly string[];
  readonly hasShell?: boolean;
  /** Where the archive is written. */
  readonly folder: string;
}): Promise<string> {
  const { name, appFolder, args, hasShell = true, folder } = options;
  const id = randomBytes(4).toString('hex');
  const appLayer = join(folder, `app-${id}-layer.tar`);
  const archive = join(folder, `app-${id}.tar`);
  await withRootfs(folder, async (rootfs) => {
    await mkdir(join(rootfs, 'app'));
    await run('cp', ['-RL', `${appFolder}/.`, join(rootfs, 'app')]);
    await packLayer(rootfs, appLayer);
  });
  const layers = [...(hasShell ? [await busyboxLayer()] : []), await nodeLayer(), appLayer];
  await writeImageArchive({ name, layers, entrypoint: ['/usr/local/bin/node', ...args], workingDir: '/app' }, archive);
  await rm(appLayer);
  return archive;
}

async function busyboxLayer(): Promise<string> {
  const busybox = findCommand('busybox');
  if (busybox === undefined) throw new Error('busybox is missing: apt-get install busybox-static');
  return await cachedLayer([busybox], async (rootfs) => {
    await install(busybox, join(rootfs, 'bin', 'busybox'));
    for (const applet of (await run(busybox, ['--list'])).trim().split('\n')) {
      if (applet !== 'busybox') await symlink('busybox', join(rootfs, 'bin', applet));
    }
    await writeFile(join(rootfs, 'etc', 'passwd'), 'root:x:0:0:root:/root:/bin/sh\nuser:x:65532:65532::/tmp:/bin/sh\n');
    await writeFile(join(rootfs, 'etc', 'group'), 'root:x:0:\nuser:x:65532:\n');
  });
}

/** Node is no static program: it comes with the libraries that it is linked to on this machine. */
async function nodeLayer(): Promise<string> {
  const node = await realpath(process.execPath);
  const libraries = [...(await run('ldd', [node])).matchAll(/(\/\S+) \(0x/g)].map((match) => match[1]!);
  return await cachedLayer([node, ...libraries], async (rootfs) => {
    await install(node, join(rootfs, 'usr', 'local', 'bin', 'node'));
    for (const library of libraries) await install(library, join(rootfs, library));
  });
}

/** A layer is kept by the names and contents of what went into it, so that 120 MB of Node are packed once. */
async function cachedLayer(sources: readonly string[], fill: (rootfs: string) => Promise<void>): Promise<string> {
  const hash = createHash('sha256');
  for (const source of sources) hash.update(`${source}\n`).update(await readFile(source));
  const folder = cacheFolder('layers');
  const layer = join(folder, `${hash.digest('hex').slice(0, 32)}.tar`);
  if (existsSync(layer)) return layer;
  await mkdir(folder, { recursive: true });
  await withRootfs(folder, async (rootfs) => {
    await mkdir(join(rootfs, 'etc'));
    await mkdir(join(rootfs, 'tmp'));
    await chmod(join(rootfs, 'tmp'), 0o1777);
    await fill(rootfs);
    const unfinished = `${layer}.${randomBytes(4).toString('hex')}`;
    await packLayer(rootfs, unfinished);
    await rename(unfinished, layer);
  });
  return layer;
}

async function withRootfs(folder: string, work: (rootfs: string) => Promise<void>): Promise<void> {
  const rootfs = await mkdtemp(join(folder, 'rootfs-'));
  try {
    await chmod(rootfs, 0o755); // becomes the image's /, which others than root must enter
    await work(rootfs);
  } finally {
    await rm(rootfs, { recursive: true, force: true });
  }
}

async function install(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await copyFile(from, to);
  await chmod(to, (await stat(from)).mode | 0o555);
}
