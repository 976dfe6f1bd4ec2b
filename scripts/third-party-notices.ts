import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A package of which a part is in the bundle. */
export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  /** SPDX identifier. */
  readonly license: string;
  /** The text that must go with it. */
  readonly text: string;
}

/** What may be in the bundle and be installed with the package, by SPDX identifier: licences that ask for their text at most. */
export const allowedLicenses: readonly string[] = [
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'ISC',
  'MIT',
  'PSF-2.0',
  'Unlicense',
];

/**
 * The packages that these inputs of the bundle (paths below the root, as esbuild's metafile has them) come from, by name.
 *
 * @throws where a licence is not allowed
 */
export function findBundledPackages(root: string, inputs: readonly string[]): BundledPackage[] {
  // The last one counts: a package may bring its own copy of another. A plugin's name may stand before the path.
  const folders = inputs.flatMap((input) => /(?:^|:)([^:]*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1] ?? []);
  return [...new Set(folders)]
    .map((folder) => readPackage(join(root, folder)))
    .toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

function readPackage(folder: string): BundledPackage {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<string, string | undefined>;
  const { name = folder, version = '', license = 'none' } = manifest;
  if (!allowedLicenses.includes(license))
    throw new Error(`${name} is in the bundle under ${license}, which is not allowed`);
  const file = readdirSync(folder).find((one) => /^licen[cs]e/i.test(one));
  return { name, version, license, text: file === undefined ? '' : readFileSync(join(folder, file), 'utf8').trim() };
}

/** The text that goes with the bundle. */
export function renderNotices(packages: readonly BundledPackage[]): string {
  const head = 'leindex-reloader contains parts of the following packages, each under its own licence.\n';
  const parts = packages.map(
    ({ name, version, license, text }) =>
      `${'='.repeat(78)}\n${name} ${version}, ${license}\n\n${text || '(no text)'}\n`,
  );
  return [head, ...parts].join('\n');
}
