import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { chartFolder } from '../chart/render-chart.ts';
import { configText, readReload, waitForReload } from '../cluster/config-reload.ts';
import { importImage } from '../cluster/containerd.ts';
import { runHelm } from '../cluster/helm.ts';
import { describeOnNode } from './describe-on-node.ts';
import { buildProgramImage } from './program-image.ts';

const image = 'localhost/leindex-reloader:0.1.0';

describeOnNode('helm, on a real node with the image of the Dockerfile', (node) => {
  const helm = (...args: string[]) =>
    runHelm(['--kubeconfig', node.kubeconfig, '--namespace', node.namespace, ...args]);
  const values = ['--set', 'image.repository=localhost/leindex-reloader,image.pullPolicy=Never'];
  const wait = ['--wait', '--timeout', '120s'];

  beforeAll(async () => {
    const provision = inject('node');
    if ('missing' in provision) throw new Error('there is no node');
    const { folder } = provision.cluster;
    // An empty cluster: helm takes over no CRD that somebody else applied, and other files of this run did.
    await node.kubectl('delete', 'crd', 'configreloads.reload.leindex.io', '--ignore-not-found', '--wait');
    const work = await mkdtemp(join(folder, 'program-image-'));
    await importImage(folder, await buildProgramImage({ name: image, folder: work }));
    await rm(work, { recursive: true, force: true });
  });
  afterAll(() => helm('uninstall', 'reloader', '--ignore-not-found'));

  const source = (budget: number) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'kept', annotations: { 'reload.leindex.io/enabled': 'true' } },
    data: { 'mcp.yaml': configText(budget) },
  });

  test('install: two replicas are ready, and helm test does a real reload', async () => {
    const notes = await helm('install', 'reloader', chartFolder, ...values, ...wait);
    expect(notes).toContain('kubectl annotate configmap NAME reload.leindex.io/enabled=true');
    expect(await helm('test', 'reloader', '--timeout', '120s')).toMatch(/Phase:\s+Succeeded/);
  });

  test('upgrade, with another value: helm test still passes, by signal this time', async () => {
    await node.apply(source(2048) as never, node.namespace);
    await waitForReload(
      node,
      { namespace: node.namespace, name: 'kept' },
      ({ appliedRevision }) => appliedRevision === 1,
    );
    await helm('upgrade', 'reloader', chartFolder, ...values, '--set', 'strategies={signal}', ...wait);
    expect(await helm('test', 'reloader', '--timeout', '120s')).toMatch(/Phase:\s+Succeeded/);
  });

  test('rollback: what was is again, and goes on', async () => {
    await helm('rollback', 'reloader', '1', ...wait);
    const { spec } = await node.apps.readNamespacedDeployment({
      namespace: node.namespace,
      name: 'reloader-leindex-reloader',
    });
    expect(spec?.template.spec?.containers[0]?.args).toContain('--strategies=endpoint,signal');
    await node.apply(source(3072) as never, node.namespace);
    await waitForReload(
      node,
      { namespace: node.namespace, name: 'kept' },
      ({ appliedRevision }) => appliedRevision === 2,
    );
  });

  test('uninstall: CRD, ConfigReload and history stay, and nothing else of the release', async () => {
    await helm('uninstall', 'reloader', ...wait);
    expect((await readReload(node, node.namespace, 'kept'))?.appliedRevision).toBe(2);
    const left = await node.kubectl('get', 'deployment,service,role,networkpolicy', '-n', node.namespace, '-o', 'name');
    expect(left).toBe('');
    expect(await node.kubectl('get', 'clusterrole,validatingadmissionpolicy', '-o', 'name')).not.toContain(
      'reloader-leindex',
    );
  });
});
