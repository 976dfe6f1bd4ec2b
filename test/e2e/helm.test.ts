import { expect, test } from 'vitest';
import { configText, readReload, waitForReload } from '../cluster/config-reload.ts';
import { describeHelm } from './helm-release.ts';
import { sourceOf } from './workloads.ts';

describeHelm('helm, on a real node with the image of the Dockerfile', (release) => {
  const { node } = release;
  const put = (budget: number) => node.apply(sourceOf('kept', configText(budget)) as never, release.namespace);
  const untilRevision = (revision: number) =>
    waitForReload(
      node,
      { namespace: release.namespace, name: 'kept' },
      ({ appliedRevision }) => appliedRevision === revision,
    );
  const testRelease = () => release.helm('test', 'reloader', '--timeout', '120s');

  test('install: two replicas are ready, and helm test does a real reload', async () => {
    expect(await release.put('install')).toContain('kubectl annotate configmap NAME reload.leindex.io/enabled=true');
    expect(await testRelease()).toMatch(/Phase:\s+Succeeded/);
  });

  test('upgrade, with another value: helm test still passes, by signal this time', async () => {
    await put(2048);
    await untilRevision(1);
    await release.put('upgrade', { strategies: ['signal'] });
    expect(await testRelease()).toMatch(/Phase:\s+Succeeded/);
  });

  test('rollback: what was is again, and goes on', async () => {
    await release.helm('rollback', 'reloader', '1', '--wait', '--timeout', '120s');
    const deployment = { namespace: release.namespace, name: 'reloader-leindex-reloader' };
    const { spec } = await node.apps.readNamespacedDeployment(deployment);
    expect(spec?.template.spec?.containers[0]?.args).toContain('--strategies=endpoint,signal');
    await put(3072);
    await untilRevision(2);
  });

  test('uninstall: CRD, ConfigReload and history stay, and nothing else of the release', async () => {
    await release.helm('uninstall', 'reloader', '--wait', '--timeout', '120s');
    expect((await readReload(node, release.namespace, 'kept'))?.appliedRevision).toBe(2);
    const kinds = 'deployment,service,role,networkpolicy';
    expect(await node.kubectl('get', kinds, '-n', release.namespace, '-o', 'name')).toBe('');
    expect(await node.kubectl('get', 'clusterrole,validatingadmissionpolicy', '-o', 'name')).not.toContain(
      'reloader-leindex',
    );
  });
});
