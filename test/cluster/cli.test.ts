import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import diff from '../../src/cli/diff.ts';
import history from '../../src/cli/history.ts';
import pause from '../../src/cli/pause.ts';
import reload from '../../src/cli/reload.ts';
import resume from '../../src/cli/resume.ts';
import rollback from '../../src/cli/rollback.ts';
import status from '../../src/cli/status.ts';
import type { CliCommand } from '../../src/cli/command.ts';
import { captureCommand } from '../cli/capture-command.ts';
import { configText, conditionOf, waitForReload } from './config-reload.ts';
import { startController } from './controller-process.ts';
import { createEndpointTargets, TARGET_CIDR, type EndpointTarget } from './endpoint-targets.ts';
import { useCluster } from './use-cluster.ts';

describe('the words that drive it', async () => {
  const cluster = await useCluster();
  const { namespace } = cluster;
  let targets: EndpointTarget[] = [];

  const call = (command: CliCommand, ...argv: string[]) =>
    captureCommand(command, [...argv, '-n', namespace, '--kubeconfig', cluster.kubeconfig]);
  const edit = async (budget: number) => {
    const metadata = { name: 'app', annotations: { 'reload.leindex.io/enabled': 'true' } };
    const data = { 'mcp.yaml': configText(budget) };
    await cluster.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data } as never, namespace);
  };
  const untilRevision = (revision: number) =>
    waitForReload(cluster, { namespace, name: 'app' }, (now) => now.appliedRevision === revision);

  beforeAll(async () => {
    await cluster.apply(readFileSync(new URL('../../deploy/crd.yaml', import.meta.url), 'utf8'));
    targets = await createEndpointTargets(cluster, { namespace, configMap: 'app', count: 2, prefix: 'app' });
    await edit(2048);
    await startController(cluster.kubeconfig, '--namespace', namespace, '--allow-endpoint-cidr', TARGET_CIDR);
    await untilRevision(1);
    await edit(4096);
    await untilRevision(2);
  });

  test('status: a page, a list, and the object', async () => {
    const page = await call(status, 'app');
    expect(page.exitCode).toBe(0);
    expect(page.stdout).toContain('revision 2');
    expect(page.stdout).toContain('2/2 run it');
    expect(page.stdout).toContain('Next: nothing to do.');
    expect(page.stdout).not.toContain('\u001b');
    expect((await call(status)).stdout).toMatch(new RegExp(`^${namespace} +app +True +True +2/2 +2`, 'm'));
    expect(JSON.parse((await call(status, 'app', '-o', 'json')).stdout)).toMatchObject({ kind: 'ConfigReload' });
  });

  test('history: newest first, with author and changes', async () => {
    const { stdout } = await call(history, 'app');
    const [head, first] = stdout.split('\n');
    expect(head).toMatch(/^REVISION +TIME +TRIGGER +RESULT +TOOK +PODS +AUTHOR +CHANGES$/);
    expect(first).toMatch(
      /^2 .* configmap +success .* 2\/2 +leindex-reloader-test +memory\.total_budget_mb 2048 → 4096/,
    );
  });

  test('reload: every target is told again, and the call waits for it', async () => {
    const before = targets.map(({ ledger }) => ledger.length);
    const { exitCode, stdout } = await call(reload, 'app');
    expect({ exitCode, stdout }).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('2/2 targets') });
    targets.forEach(({ ledger }, index) => expect(ledger.length).toBeGreaterThan(before[index]!));
  });

  test('reload: ends with 1 and names the pod where one fails', async () => {
    targets[1]!.behaviour = (_request, response) => response.writeHead(401).end();
    const { exitCode, stderr } = await call(reload, 'app');
    targets[1]!.behaviour = undefined;
    expect({ exitCode, stderr }).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('EndpointUnauthorized'),
    });
    expect((await call(status, 'app')).stdout).toMatch(/app-1 +\S+ +io_error +EndpointUnauthorized/);
    expect((await call(reload, 'app')).exitCode).toBe(0);
  });

  test('rollback: to the previous revision, then diff shows what waits in the ConfigMap', async () => {
    const { exitCode, stdout, stderr } = await call(rollback, 'app');
    expect({ exitCode, stdout, stderr }).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('RolledBack') });
    expect((await untilRevision(1)).rollback).toMatchObject({ cause: 'asked', toRevision: 1 });
    expect((await call(diff, 'app')).stdout).toContain('memory.total_budget_mb: 2048 → 4096');
    expect((await call(rollback, 'app', '--to', '1')).stdout).toContain('runs already');
  });

  test('pause and resume: an edit waits meanwhile', async () => {
    expect((await call(pause, 'app')).exitCode).toBe(0);
    await edit(8192);
    await waitForReload(
      cluster,
      { namespace, name: 'app' },
      (now) => conditionOf(now, 'Progressing') === 'False Paused',
    );
    expect((await call(status, 'app')).stdout).toContain('Next: `resume');
    expect((await call(reload, 'app')).exitCode).toBe(1);
    expect((await call(resume, 'app')).exitCode).toBe(0);
    await untilRevision(3);
  });

  test('says what is wrong: no such ConfigMap, not opted in, no cluster, no such context', async () => {
    expect(await call(status, 'nothing')).toMatchObject({
      exitCode: 3,
      stderr: `there is no ConfigMap ${namespace}/nothing; name its namespace with -n`,
    });
    await cluster.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'plain' } } as never, namespace);
    const plain = await call(pause, 'plain');
    expect(plain).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('has not opted in') });
    const lost = await captureCommand(status, ['app', '--kubeconfig', '/nowhere']);
    expect(lost).toMatchObject({ exitCode: 3, stderr: expect.stringContaining('--kubeconfig') });
    expect(await call(status, 'app', '--context', 'nowhere')).toMatchObject({ exitCode: 3 });
    expect((await captureCommand(status, ['app', '-A'])).exitCode).toBe(2);
  });
});
