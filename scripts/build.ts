/** `npm run build [-- FOLDER]`: the command as one bundle in `dist/` (or FOLDER), and the library with its types in `lib/` below. */
import { execFileSync } from 'node:child_process';
import { chmodSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { slimClient } from './slim-client.ts';
import { findBundledPackages, renderNotices } from './third-party-notices.ts';

const root = join(import.meta.dirname, '..');
const dist = resolve(process.argv[2] ?? join(root, 'dist'));
const require = createRequire(import.meta.url);

rmSync(dist, { recursive: true, force: true });
await bundle();
emitLibrary();
report();

/** Splitting keeps what a subcommand does not need out of its start: `validate` never loads the Kubernetes client. */
async function bundle(): Promise<void> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: {
      'leindex-reloader': 'src/main.ts',
      'validate-worker': 'src/gate/validate-worker.ts',
      'review-worker': 'src/admission/review-worker.ts',
    },
    outdir: dist,
    bundle: true,
    metafile: true,
    splitting: true,
    // Beside the entries: a thread's code is looked for beside what starts it.
    chunkNames: 'chunk-[hash]',
    platform: 'node',
    format: 'esm',
    target: 'node22.19',
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'linked',
    plugins: [slimClient(root)],
    // Dependencies in CommonJS ask for built-in modules by `require`, which an ES module has not.
    banner: {
      js: "import { createRequire as createRequire_ } from 'node:module';\nconst require = createRequire_(import.meta.url);",
    },
    logLevel: 'warning',
  });
  chmodSync(join(dist, 'leindex-reloader.js'), 0o755);
  const packages = findBundledPackages(root, Object.keys(metafile.inputs));
  writeFileSync(join(dist, 'THIRD-PARTY-NOTICES.txt'), renderNotices(packages));
}

function emitLibrary(): void {
  const tsc = join(require.resolve('typescript/package.json'), '..', 'bin', 'tsc');
  const args = [tsc, '--project', 'tsconfig.build.json', '--outDir', join(dist, 'lib')];
  execFileSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
}

function report(): void {
  for (const file of [
    'leindex-reloader.js',
    'validate-worker.js',
    'review-worker.js',
    'THIRD-PARTY-NOTICES.txt',
    'lib/index.js',
    'lib/index.d.ts',
    'lib/gate/validate-worker.js',
  ]) {
    process.stdout.write(`dist/${file}  ${(statSync(join(dist, file)).size / 1024).toFixed(1)} KiB\n`);
  }
}
