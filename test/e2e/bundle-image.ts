import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClusterAddress } from '../cluster/cluster.ts';
import { addAppImage } from '../cluster/node.ts';
import { bundleImage, shelllessImage } from './workloads.ts';

const root = join(import.meta.dirname, '..', '..');
const packages = join(root, 'node_modules');

/** What the library needs beside itself; the bundle needs nothing. */
const libraryPackages = ['ajv', 'pino', 'prom-client', 'yaml'];

/**
 * Builds the program, and makes of it what a user of the package has: `dist`, `package.json` and the packages that the
 * library imports. A copy, so that nobody's later build changes it under a running test. Returns its folder.
 */
export async function buildBundle(folder: string): Promise<string> {
  const stdio = ['ignore', 'ignore', 'inherit'] as const;
  execFileSync(process.execPath, [join(root, 'scripts', 'build.ts')], { cwd: root, stdio: [...stdio] });
  const app = join(folder, 'app');
  await mkdir(app);
  await cp(join(root, 'dist'), join(app, 'dist'), { recursive: true });
  await cp(join(root, 'package.json'), join(app, 'package.json'));
  await cp(join(import.meta.dirname, 'apps'), join(app, 'apps'), { recursive: true });
  for (const name of findDependencies(libraryPackages)) {
    await cp(join(packages, name), join(app, 'node_modules', name), { recursive: true });
  }
  return app;
}

/** Makes two images of the built program known to the node: with a shell, and without any. */
export async function addBundleImages(address: ClusterAddress, app: string): Promise<void> {
  const args = ['dist/leindex-reloader.js'];
  await addAppImage(address, { name: bundleImage, appFolder: app, args });
  await addAppImage(address, { name: shelllessImage, appFolder: app, args, hasShell: false });
}

/** These packages and all that they depend on, as far as they lie side by side. */
function findDependencies(names: readonly string[]): Set<string> {
  const found = new Set<string>();
  const visit = (name: string): void => {
    const manifest = join(packages, name, 'package.json');
    if (found.has(name) || !existsSync(manifest)) return;
    found.add(name);
    const { dependencies = {} } = JSON.parse(readFileSync(manifest, 'utf8')) as {
      dependencies?: Record<string, string>;
    };
    Object.keys(dependencies).forEach(visit);
  };
  names.forEach(visit);
  return found;
}
