/** Writes what is generated from the code (`npm run generate`), or checks that it is up to date (`--check`, part of lint). */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { stringify } from 'yaml';
import { configReloadCrd } from '../src/kube/crd.ts';
import { rbacObjects } from '../src/kube/rbac.ts';

const root = join(import.meta.dirname, '..');
const head = '# Generated from the code by `npm run generate`; do not edit.\n';
const documents = (objects: readonly object[]) =>
  head + objects.map((object) => stringify(object, { lineWidth: 0, aliasDuplicateObjects: false })).join('---\n');

const generated: Readonly<Record<string, string>> = {
  'deploy/crd.yaml': documents([configReloadCrd]),
  'deploy/rbac.yaml': documents(
    rbacObjects({ namespace: 'leindex-reloader', features: ['core', 'signal', 'leader-election'] }),
  ),
};

const isCheck = process.argv.includes('--check');
let stale = 0;
for (const [path, content] of Object.entries(generated)) {
  const file = join(root, path);
  if (read(file) === content) continue;
  if (isCheck) {
    console.error(`${path} is not what the code generates: run \`npm run generate\``);
    stale++;
  } else {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    console.log(`wrote ${path}`);
  }
}
process.exit(stale === 0 ? 0 : 1);

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
