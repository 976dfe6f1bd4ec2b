import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { findBundledPackages, renderNotices } from '../../scripts/third-party-notices.ts';

const root = mkdtempSync(join(tmpdir(), 'leindex-reloader-notices-'));
afterAll(() => rmSync(root, { recursive: true }));

function put(folder: string, name: string, license?: string): void {
  mkdirSync(join(root, folder), { recursive: true });
  writeFileSync(join(root, folder, 'package.json'), JSON.stringify({ name, version: '1.2.3', license }));
  writeFileSync(join(root, folder, 'LICENCE.md'), `Copyright of ${name}\n`);
}
put('node_modules/plain', 'plain', 'MIT');
put('node_modules/@scope/one', '@scope/one', 'ISC');
put('node_modules/plain/node_modules/inner', 'inner', 'Apache-2.0');
put('node_modules/copyleft', 'copyleft', 'GPL-3.0-only');
put('node_modules/silent', 'silent');

test('packages are found by the files of theirs that are in the bundle, each once, with their texts', () => {
  const found = findBundledPackages(root, [
    'src/main.ts',
    'node_modules/plain/index.js',
    'node_modules/plain/lib/more.js',
    'node_modules/plain/node_modules/inner/index.js',
    'slim:node_modules/@scope/one/dist/a.js',
  ]);
  expect(found.map(({ name, license }) => `${name} ${license}`)).toEqual([
    '@scope/one ISC',
    'inner Apache-2.0',
    'plain MIT',
  ]);
  const notices = renderNotices(found);
  for (const name of ['@scope/one', 'inner', 'plain']) expect(notices).toContain(`Copyright of ${name}`);
});

test.each(['copyleft', 'silent'])('a licence that is not allowed ends the build: %s', (name) => {
  expect(() => findBundledPackages(root, [`node_modules/${name}/index.js`])).toThrow(/is not allowed/);
});
