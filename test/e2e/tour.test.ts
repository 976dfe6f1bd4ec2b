import { copyFile, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findOrBuildBinaries } from '../cluster/binaries.ts';
import { findHelm } from '../cluster/helm.ts';
import { run } from '../cluster/run.ts';
import { waitUntil } from '../cluster/wait-until.ts';
import { addExampleImages } from './example-images.ts';
import { describeHelm } from './helm-release.ts';
import { normaliseOutput } from './normalise-output.ts';

const root = join(import.meta.dirname, '..', '..');
const readme = await readFile(join(root, 'README.md'), 'utf8');
const [, shown = ''] = /a test does the same and compares\):\n\n```\n([^]*?)\n```/.exec(readme) ?? [];
/** Each command of the tour, as it is typed, and what then stands in the README. */
const steps = shown
  .split(/^\$ /m)
  .slice(1)
  .map((step) => {
    const end = step.indexOf('\n');
    return { command: step.slice(0, end), output: step.slice(end + 1) };
  });

describeHelm('the tour of the README, typed into a shell', (release) => {
  let folder = '';

  beforeAll(async () => {
    await addExampleImages(release.node);
    folder = await mkdtemp(join(tmpdir(), 'leindex-reloader-tour-'));
    // As on a desk: both commands in the PATH, a kubeconfig whose context has the namespace.
    const { kubectl } = await findOrBuildBinaries(['kubectl']);
    await symlink(kubectl, join(folder, 'kubectl'));
    await symlink(await findHelm(), join(folder, 'helm'));
    await copyFile(release.node.kubeconfig, join(folder, 'kubeconfig'));
    await type(`kubectl config set-context --current --namespace ${release.namespace}`);
  });
  afterAll(async () => {
    await type('helm uninstall leindex-reloader --ignore-not-found');
    await rm(folder, { recursive: true });
  });

  function type(command: string): Promise<string> {
    const path = [folder, dirname(process.execPath), process.env['PATH']].join(':');
    const env = { ...process.env, PATH: path, KUBECONFIG: join(folder, 'kubeconfig') };
    return run('sh', ['-c', command], { cwd: root, env });
  }

  test('there is one', () => {
    expect(steps.length).toBeGreaterThan(5);
  });

  test.each(steps)('$command', async ({ command, output: shown }) => {
    const expected = normaliseOutput(shown).toSorted();
    let came: string[] = [];
    const isLook = /^kubectl (get|describe|logs) /.test(command);
    const look = async () => {
      // What is looked at may not be there at first. Events of one second come in any order.
      const output = await type(command).catch((error: unknown) => {
        if (isLook) return String(error);
        throw error;
      });
      came = normaliseOutput(output.replaceAll(release.namespace, 'default')).toSorted();
      return came.join('\n') === expected.join('\n');
    };
    // What is only looked at may take a moment to be so; what changes something is typed once.
    if (isLook) await waitUntil({ what: command, timeoutMs: 30_000, check: look }).catch(() => undefined);
    else await look();
    expect(came).toEqual(expected);
  });
});
