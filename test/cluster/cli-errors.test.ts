import { beforeAll, describe, expect, test } from 'vitest';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import diff from '../../src/cli/diff.ts';
import history from '../../src/cli/history.ts';
import reload from '../../src/cli/reload.ts';
import rollback from '../../src/cli/rollback.ts';
import status from '../../src/cli/status.ts';
import validate from '../../src/cli/validate.ts';
import { captureCommand } from '../cli/capture-command.ts';
import { Terminal } from '../cli/terminal.ts';
import { configText } from './config-reload.ts';
import { useOwnControlPlane } from './use-cluster.ts';

const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts');
const hash = (digits: string) => `sha256:${digits.padEnd(64, '0')}`;

/** In order: a cluster without the CRD, then with it, without a controller, then with what a controller would have written. */
describe('what goes wrong says what to do, and its exit code', async () => {
  const cluster = await useOwnControlPlane();
  const { namespace } = cluster;
  const flags = ['-n', namespace, '--kubeconfig', cluster.kubeconfig];
  const enabled = { 'reload.leindex.io/enabled': 'true' };
  const putSource = (name: string) =>
    cluster.apply(
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, annotations: enabled }, data: { 'mcp.yaml': configText(2048) } } as never,
      namespace,
    ); // prettier-ignore

  beforeAll(() => putSource('app'));

  test('no cluster', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'leindex-lost-'));
    const config = join(folder, 'config');
    writeFileSync(config, 'apiVersion: v1\nkind: Config\nclusters: [{name: c, cluster: {server: "https://127.0.0.1:9"}}]\ncontexts: [{name: c, context: {cluster: c, user: u}}]\nusers: [{name: u, user: {token: t}}]\ncurrent-context: c\n'); // prettier-ignore
    for (const command of [status, history, reload, rollback, validate]) {
      expect(await captureCommand(command, ['app', '--kubeconfig', config])).toMatchObject({
        exitCode: 3,
        stdout: '',
        stderr: expect.stringContaining('Is the API server of this context reachable?'),
      });
    }
  });

  test('no CRD', async () => {
    for (const argv of [[], ['app']]) {
      expect(await captureCommand(status, [...argv, ...flags])).toMatchObject({
        exitCode: 3,
        stderr: expect.stringMatching(/does not know ConfigReloads[^]*leindex-reloader crd \| kubectl apply/),
      });
    }
    expect((await captureCommand(validate, ['app', ...flags])).exitCode).toBe(0);
  });

  test('no controller', async () => {
    await cluster.apply(readFileSync(new URL('../../deploy/crd.yaml', import.meta.url), 'utf8'));
    // The API server takes a moment to serve a new kind.
    await expect.poll(async () => (await captureCommand(status, flags)).exitCode, { timeout: 20_000 }).toBe(0);
    expect(await captureCommand(status, ['app', ...flags])).toMatchObject({
      exitCode: 3,
      stderr: expect.stringContaining('Is the controller running, for this namespace?'),
    });
    expect(await captureCommand(reload, ['app', '--timeout', '500ms', ...flags])).toMatchObject({
      exitCode: 3,
      stderr: expect.stringContaining('was not seen by the controller; is it running? (after 500ms)'),
    });
    expect(await captureCommand(status, ['nowhere', ...flags])).toMatchObject({
      exitCode: 3,
      stderr: `there is no ConfigMap ${namespace}/nowhere; name its namespace with -n`,
    });
  });

  test('forbidden', async () => {
    await cluster.core.createNamespacedServiceAccount({ namespace, body: { metadata: { name: 'nobody' } } });
    const kubeconfig = await cluster.serviceAccountKubeconfig({ namespace, name: 'nobody' });
    for (const command of [status, history, reload]) {
      expect(await captureCommand(command, ['app', '-n', namespace, '--kubeconfig', kubeconfig])).toMatchObject({
        exitCode: 3,
        stderr: expect.stringMatching(/forbidden[^]*Ask for this permission in the namespace/),
      });
    }
  });

  test('a revision that could be several, or is none; names that are too long for the terminal', async () => {
    const name = `${'checkout-service-of-the-payment-team'.repeat(2)}-config`;
    await putSource(name);
    const entry = (revision: number, digits: string) => ({
      id: `id-${revision}`,
      timestamp: '2026-01-01T00:00:00.000Z',
      trigger: 'configmap',
      result: 'success',
      reason: 'Reloaded',
      newHash: hash(digits),
      revision,
      author: 'a-tool-with-quite-a-long-name-of-a-manager',
      durationMs: 1200,
      changes: [{ path: 'memory.total_budget_mb', from: 1024, to: 2048 }],
      targets: { total: 3, reloaded: 3, pending: 0, failed: 0, skipped: 0 },
    });
    const message = 'the endpoint did not answer within 30 s, and this is said at such a length that it does not fit';
    const body = {
      history: [entry(3, 'abcd30'), entry(2, 'abcd20'), entry(1, 'ffff10')],
      appliedRevision: 3,
      desiredRevision: 3,
      podsReady: '2/3',
      conditions: ['Valid', 'Reloaded', 'Progressing'].map((type) => ({ type, status: 'False', reason: 'TargetsFailed', message, lastTransitionTime: '2026-01-01T00:00:00Z' })),
      pods: [{ name: `${name}-7d9f8b6c5d-x2x4z`, container: 'application', result: 'validation_failed', reason: 'EndpointUnauthorized', message }],
    }; // prettier-ignore
    const object = { apiVersion: 'reload.leindex.io/v1alpha1', kind: 'ConfigReload', metadata: { name }, spec: { configMapName: name } };
    await cluster.apply(object as never, namespace);
    await cluster.custom.replaceNamespacedCustomObjectStatus({
      group: 'reload.leindex.io', version: 'v1alpha1', namespace, plural: 'configreloads', name,
      body: { ...(await cluster.custom.getNamespacedCustomObject({ group: 'reload.leindex.io', version: 'v1alpha1', namespace, plural: 'configreloads', name })), status: body },
    }); // prettier-ignore

    for (const [command, flag] of [[diff, '--from'], [rollback, '--to']] as const) {
      expect(await captureCommand(command, [name, flag, 'abcd', ...flags])).toMatchObject({
        exitCode: 2,
        stderr: 'abcd could be any of the revisions 3 (abcd30000000), 2 (abcd20000000); name one by its number',
      });
      expect((await captureCommand(command, [name, flag, 'eeee', ...flags])).exitCode).toBe(1);
    } // prettier-ignore
    expect(await captureCommand(rollback, [name, '--to', 'ffff1', '--no-wait', ...flags])).toMatchObject({
      exitCode: 0,
      stdout: `${namespace}/${name}: rollback to revision 1 requested\n`,
    });

    for (const words of ['status', `status ${name}`, `history ${name}`]) {
      const terminal = new Terminal(`${process.execPath} ${main} ${words} ${flags.join(' ')}`, { columns: 80 });
      expect(await terminal.ended(), words).toBe(0);
      if (words.startsWith('status ')) {
        // The page tells whole sentences; its table of pods fits, with the message below the pod that it is about.
        expect(terminal.text).toMatch(/^checkout-\S+…\S+x2x4z +application +validation_failed +EndpointUnauthorized\n {4}the endpoint did not/m);
      } else {
        expect(terminal.hasWrapped, terminal.text).toBe(false);
      }
    } // prettier-ignore
    // A pipe gets it whole: programs search in it.
    expect((await captureCommand(status, flags)).stdout).toContain(`${name}  False`);
    expect((await captureCommand(history, [name, ...flags])).stdout).toContain('a-tool-with-quite-a-long-name-of-a-manager');
  }, 60_000); // prettier-ignore
});
