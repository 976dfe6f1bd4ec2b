import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  readFileSync,
  readdirSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const bin = (name: string) => join(root, 'node_modules/.bin', name);
const run = (file: string, args: string[], cwd = root) =>
  execFileSync(file, args, { cwd, encoding: 'utf8', stdio: 'pipe' });

/** The package as npm would publish it, unpacked, with a library built for this test alone. */
let packed: string;

describe('the package', () => {
  beforeAll(() => {
    // Not `npm run build`: other tests use `dist` at the same time.
    const folder = mkdtempSync(join(tmpdir(), 'leindex-package-'));
    mkdirSync(join(folder, 'dist'), { recursive: true });
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { bin: Record<string, string> };
    writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
    run(process.execPath, [join(root, 'scripts/build.ts'), join(folder, 'dist')]);
    run('npm', ['pack', '--silent', '--ignore-scripts'], folder);
    const tarball = readdirSync(folder).find((file) => file.endsWith('.tgz'))!;
    renameSync(join(folder, tarball), join(folder, 'package.tgz'));
    packed = folder;
  }, 120_000);

  afterAll(() => rmSync(packed, { recursive: true, force: true }));

  it('is clean for publint', () => {
    const { messages } = JSON.parse(
      run(process.execPath, [
        '--input-type=module',
        '-e',
        `import { publint } from 'publint'; console.log(JSON.stringify(await publint({ pkgDir: ${JSON.stringify(packed)}, strict: true })))`,
      ]),
    ) as { messages: { type: string; code: string }[] };
    expect(messages.filter(({ type }) => type !== 'suggestion')).toEqual([]);
  });

  it('has types that every ESM resolution finds (arethetypeswrong)', () => {
    // Ends with 1, and so throws, where there is a problem.
    const table = run(bin('attw'), ['--profile', 'esm-only', '--no-emoji', '--no-color', join(packed, 'package.tgz')]);
    expect(table).toMatch(/node16 \(from ESM\)\W+OK \(ESM\)/);
  });

  it('holds the bundle with its threads, the library with its types, and nothing of the tests', () => {
    const files = run('tar', ['tzf', 'package.tgz'], packed).split('\n');
    for (const file of [
      'dist/leindex-reloader.js',
      'dist/validate-worker.js',
      'dist/review-worker.js',
      'dist/lib/index.js',
      'dist/lib/index.d.ts',
      'dist/lib/gate/validate-worker.js',
    ]) {
      expect(files).toContain(`package/${file}`);
      expect(existsSync(join(packed, file))).toBe(true);
    }
    expect(files.filter((file) => /test|\.ts$/.test(file) && !file.endsWith('.d.ts'))).toEqual([]);
  });

  it('loads as a library and exports the names of the contract', () => {
    const names = JSON.parse(
      run(process.execPath, [
        '--input-type=module',
        '-e',
        `console.log(JSON.stringify(Object.keys(await import(${JSON.stringify(join(root, 'src/index.ts'))}))))`,
      ]),
    ) as string[];
    expect(names).toEqual(
      expect.arrayContaining([
        'ConfigReloadManager',
        'ReloadResult',
        'initializeReloadManager',
        'getReloadManager',
        'reloadConfig',
        'validateConfig',
        'diffConfigs',
        'leindexConfigSchema',
      ]),
    );
  });
});
