import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { cacheFolder } from '../cluster/cache-folder.ts';
import { withFileLock } from '../cluster/file-lock.ts';
import { NPM_VERSION } from '../cluster/npm-package.ts';
import { say } from '../cluster/progress.ts';
import { run } from '../cluster/run.ts';

const SUITE = 'bookworm';
/** What distroless/cc-debian12 is made of: the packages whose files it has, with their licences, and no more. */
const distrolessPackages = ['base-files', 'tzdata', 'libc6', 'libgcc-s1', 'gcc-12-base', 'libstdc++6'];

/** A minimal Debian with certificates, kept: its root folder. Stands in for `debian:12-slim`. */
export async function makeSlimBase(): Promise<string> {
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

/**
 * Stands in for `gcr.io/distroless/cc-debian12:nonroot`, and is made as that is: the files of a few Debian packages, the
 * certificates, a user, `status.d` for scanners; no shell, no package manager. Returns its root folder.
 */
export async function makeDistrolessBase(folder: string): Promise<string> {
  const debian = await makeSlimBase();
  const base = join(folder, 'distroless');
  // usr/lib64: /lib64 leads there, as Debian has it.
  for (const place of ['etc/ssl/certs', 'var/lib/dpkg/status.d', 'home/nonroot', 'tmp', 'usr/lib64'])
    await mkdir(join(base, place), { recursive: true });
  await chmod(join(base, 'tmp'), 0o1777);
  const certificates = 'etc/ssl/certs/ca-certificates.crt';
  await cp(join(debian, certificates), join(base, certificates));
  const accounts = ['root:x:0:0:root:/root:/sbin/nologin', 'nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin'];
  await writeFile(join(base, 'etc/passwd'), `${accounts.join('\n')}\n`);
  await writeFile(join(base, 'etc/group'), 'root:x:0:\nnonroot:x:65532:\n');
  const entries = (await readFile(join(debian, 'var/lib/dpkg/status'), 'utf8')).split('\n\n');
  const files: string[] = [];
  for (const name of distrolessPackages) {
    files.push(...(await filesOfPackage(debian, name)));
    const entry = entries.find((one) => one.startsWith(`Package: ${name}\n`));
    await writeFile(join(base, 'var/lib/dpkg/status.d', name), `${entry ?? ''}\n`);
  }
  const archive = join(folder, 'distroless-packages.tar');
  const list = `${[...new Set(files)].join('\n')}\n`;
  await run('tar', ['-C', debian, '--no-recursion', '--files-from=-', '-cf', archive], { input: list });
  await run('tar', ['-C', base, '-xf', archive]);
  await rm(archive);
  return base;
}

/** What an installed package put into the root folder, but programs and manuals, as paths without the leading slash. */
async function filesOfPackage(debian: string, name: string): Promise<string[]> {
  const info = join(debian, 'var/lib/dpkg/info');
  const lists = [`${name}.list`, ...['amd64', 'arm64'].map((architecture) => `${name}:${architecture}.list`)];
  const list = lists.map((file) => join(info, file)).find(existsSync);
  if (list === undefined) throw new Error(`the minimal Debian has no package ${name}`);
  const isUnwanted =
    /^\/((usr\/)?s?bin\/|usr\/(share\/(man|lintian|bug|base-files)|games|include)|etc\/(skel|profile|update-motd|issue)|(dev|proc|sys|run)\b)/;
  const paths = (await readFile(list, 'utf8')).trim().split('\n');
  return paths.filter((path) => path !== '/.' && !isUnwanted.test(path)).map((path) => path.slice(1));
}

/** The lock file's Node, and npm whole as the registry has it, as a folder to put onto the slim base: stands in for `node:24`. */
export async function makeBuildTools(folder: string): Promise<string> {
  const tools = join(folder, 'tools');
  const modules = join(tools, 'usr/local/lib/node_modules');
  for (const place of ['usr/local/bin', 'usr/local/etc', 'usr/local/lib/node_modules/npm'])
    await mkdir(join(tools, place), { recursive: true });
  await cp(process.execPath, join(tools, 'usr/local/bin/node'), { dereference: true });
  await run('npm', ['pack', '--pack-destination', folder, `npm@${NPM_VERSION}`], { cwd: '/' });
  const archive = join(folder, `npm-${NPM_VERSION}.tgz`);
  await run('tar', ['-C', join(modules, 'npm'), '--strip-components=1', '-xzf', archive]);
  await symlink('../lib/node_modules/npm/bin/npm-cli.js', join(tools, 'usr/local/bin/npm'));
  await writeFile(join(tools, 'usr/local/etc/npmrc'), 'cafile=/etc/ssl/certs/ca-certificates.crt\n');
  return tools;
}
