import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './run.ts';

/** The npm that builds images and makes the SBOM: self-contained, and newer than Debian's. */
export const NPM_VERSION = '11.6.0';

/** A version of a package of the npm registry, and the hash of its archive. */
export interface NpmPackage {
  readonly name: string;
  readonly version: string;
  /** As a lock file has it: `sha512-…`. */
  readonly integrity: string;
}

/** Fetches a package's archive through npm into a folder, and returns its path. @throws where it is not what it was */
export async function fetchNpmPackage({ name, version, integrity }: NpmPackage, folder: string): Promise<string> {
  const said = await run('npm', ['pack', '--json', '--pack-destination', folder, `${name}@${version}`], {
    cwd: folder,
  });
  const [{ filename }] = JSON.parse(said) as [{ filename: string }];
  const archive = join(folder, filename.split('/').at(-1)!);
  const digest = `sha512-${createHash('sha512')
    .update(await readFile(archive))
    .digest('base64')}`;
  if (digest !== integrity) throw new Error(`${name} is not what it was: ${digest}`);
  return archive;
}
