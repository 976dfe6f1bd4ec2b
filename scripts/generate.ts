/** Writes what is generated from the code (`npm run generate`), or checks that it is up to date (`--check`, part of lint). */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { stringify } from 'yaml';
import { fixedWebhook } from '../src/admission/webhook-configuration.ts';
import { configReloadCrd } from '../src/kube/crd.ts';
import { permissions } from '../src/kube/permissions.ts';
import { rbacObjects, rulesOf } from '../src/kube/rbac.ts';
import { cliReference } from './cli-reference.ts';
import { crdReference } from './crd-reference.ts';
import { execGuardRules } from './exec-guard-rules.ts';
import { httpReference } from './http-reference.ts';
import { permissionsTable, replaceSection } from './permissions-table.ts';
import { renderDeploy } from './render-deploy.ts';
import { chartValuesTable } from './values-table.ts';

const root = join(import.meta.dirname, '..');
const chart = 'charts/leindex-reloader';
const head = '# Generated from the code by `npm run generate`; do not edit.\n';
const documents = (objects: readonly object[]) =>
  head + objects.map((object) => stringify(object, { lineWidth: 0, aliasDuplicateObjects: false })).join('---\n');
const features = Object.keys(permissions) as (keyof typeof permissions)[];
const keptCrd = {
  ...configReloadCrd,
  // Deleting a CRD deletes every object of its kind: history would go with the release.
  metadata: { ...configReloadCrd.metadata, annotations: { 'helm.sh/resource-policy': 'keep' } },
};

const isCheck = process.argv.includes('--check');
let stale = 0;
settle({
  'deploy/crd.yaml': documents([configReloadCrd]),
  'deploy/rbac.yaml': documents(
    rbacObjects({ namespace: 'leindex-reloader', features: ['core', 'signal', 'leader-election'] }),
  ),
  [`${chart}/files/crd.yaml`]: documents([keptCrd]),
  [`${chart}/files/permissions.yaml`]: documents([
    Object.fromEntries(features.map((feature) => [feature, rulesOf([feature])])),
  ]),
  [`${chart}/files/webhook.yaml`]: documents([fixedWebhook]),
  [`${chart}/files/exec-guard.yaml`]: documents([{ validations: execGuardRules() }]),
  [`${chart}/README.md`]: replaceSection(
    read(`${chart}/README.md`) ?? '',
    'values',
    chartValuesTable(read(`${chart}/values.yaml`) ?? ''),
  ),
  'docs/crd.md': crdReference(),
  'docs/cli-reference.md': await cliReference(),
  'docs/http.md': httpReference(read('docs/openapi.yaml') ?? ''),
  'docs/security.md': replaceSection(read('docs/security.md') ?? '', 'permissions', permissionsTable()),
});
// Rendered from the chart, so after the chart's own files.
const deploy = await renderDeploy(head);
settle(deploy);
removeStrangers(['deploy/base', 'deploy/overlays'], deploy);
process.exit(stale === 0 ? 0 : 1);

/** Writes each file that differs, or with `--check` says so. */
function settle(generated: Readonly<Record<string, string>>): void {
  for (const [path, content] of Object.entries(generated)) {
    if (read(path) === content) continue;
    if (isCheck) {
      complain(path);
      continue;
    }
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
    console.log(`wrote ${path}`);
  }
}

/** Nothing but what is generated may be in these folders. */
function removeStrangers(folders: readonly string[], generated: Readonly<Record<string, string>>): void {
  for (const folder of folders) {
    for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
      const path = relative(root, join(entry.parentPath, entry.name));
      if (!entry.isFile() || path in generated) continue;
      if (isCheck) complain(path);
      else rmSync(join(root, path));
    }
  }
}

function complain(path: string): void {
  console.error(`${path} is not what the code generates: run \`npm run generate\``);
  stale++;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(join(root, path), 'utf8');
  } catch {
    return undefined;
  }
}
