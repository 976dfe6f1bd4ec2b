import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { contentHash } from '../../src/core/content-hash.ts';
import { conditionOf, configText } from '../cluster/config-reload.ts';
import { waitUntil } from '../cluster/wait-until.ts';
import { describeControlled } from './controlled-node.ts';
import { appPod, managerPod, podOf, sourceOf } from './workloads.ts';

const first = configText(2048);
const second = configText(4096);
const third = configText(6144);
const hex = (text: string) => contentHash(text).slice('sha256:'.length);

/** By shell trap, by the library, by the manager's endpoint, and by one that asks for a token. */
const pods = ['by-trap', 'by-library', 'by-endpoint', 'by-token'];

describeControlled('a ConfigMap on a real kubelet', (on) => {
  const source = (text: string) => sourceOf('main', text, { key: 'mcp_config.yaml', 'token-secret': 'reload-token' });
  const allRestarts = () => Promise.all(pods.map((pod) => on.restarts(pod)));
  const allLogs = () => Promise.all(pods.map(async (pod) => (await on.log(pod)).map(({ line }) => line)));

  test('one edit: the signal comes after the file, each runs the new text, nobody is restarted', async () => {
    const { namespace, node } = on;
    const body = { metadata: { name: 'reload-token' }, stringData: { token: 'a-token-of-the-test' } };
    await node.core.createNamespacedSecret({ namespace, body });
    await on.applyByKubectl(source(first));
    const byToken = managerPod('by-token', 'main', ['--token-file', '/run/token/token']);
    byToken.spec!.containers[0]!.volumeMounts!.push({ name: 'token', mountPath: '/run/token' });
    byToken.spec!.volumes!.push({ name: 'token', secret: { secretName: 'reload-token' } });
    await on.run(
      podOf('by-trap', { configMap: 'main' }),
      appPod('by-library', 'main', ['library-app.mjs']),
      managerPod('by-endpoint', 'main'),
      byToken,
    );
    await on.untilApplied('main', first, '4/4');
    const before = { trap: (await on.log('by-trap')).length, library: (await on.log('by-library')).length };

    const begun = await on.applyByKubectl(source(second));
    const status = await on.untilApplied('main', second, '4/4');
    const recorded = Date.now() - begun;

    const trap = (await on.log('by-trap')).slice(before.trap);
    const library = (await on.log('by-library')).slice(before.library);
    expect(trap.map(({ line }) => line)).toEqual([`HUP ${hex(second)}`]);
    expect(library.map(({ line }) => line)).toEqual([
      `HUP ${hex(second)}`,
      'runs 2048 -> 4096',
      `event signal success ${contentHash(second)}`,
    ]);
    console.log(
      `from kubectl apply: SIGHUP in the shell ${trap[0]!.at - begun} ms, in the library ${library[0]!.at - begun} ms, ` +
        `all four proven and recorded ${recorded} ms (the kubelet alone: 44 to 74 s)`,
    );
    expect(Object.fromEntries(status.pods.map(({ name, reason }) => [name, reason]))).toEqual({
      'by-trap': 'SignalDelivered',
      'by-library': 'SignalDelivered',
      'by-endpoint': 'EndpointConfirmed',
      'by-token': 'EndpointConfirmed',
    });
    expect(await allRestarts()).toEqual([0, 0, 0, 0]);
    const applied = (await on.managerHistory('by-endpoint')).filter(({ newHash }) => newHash === contentHash(second));
    expect(applied.filter(({ reason }) => reason === 'Reloaded')).toHaveLength(1);
    await on.untilEvent('configmap', 'main', /ReloadSucceeded.*4\/4 targets run it.*total_budget_mb 2048 → 4096/);
    await on.untilEvent('pod', 'by-trap', /ConfigReloaded.*SignalDelivered/);
    const pod = await node.core.readNamespacedPod({ namespace, name: 'by-trap' });
    expect(pod.metadata?.annotations?.['reload.leindex.io/config-hash']).toBe(contentHash(second));
  });

  test('an invalid edit touches nobody, and says where and why', async () => {
    const before = await allLogs();
    await on.applyByKubectl(source(second.replace('global_index_mb: 1024', 'global_index_mb: 4000')));
    const status = await on.untilReload('main', (one) => conditionOf(one, 'Valid') === 'False ValidationFailed');
    expect(status).toMatchObject({ appliedHash: contentHash(second), podsReady: '4/4' });
    expect(status.history[0]).toMatchObject({ result: 'validation_failed', reason: 'ValidationFailed' });
    await on.untilEvent(
      'configmap',
      'main',
      /Warning +ValidationFailed.*mcp_config\.yaml:4:20 memory\.global_index_mb.*valid is 410 to 2048.*index-share/,
    );
    // Good after bad: as if the bad one had never been.
    await on.applyByKubectl(source(second));
    await on.untilReload(
      'main',
      (one) => conditionOf(one, 'Valid') === 'True Valid' && conditionOf(one, 'Reloaded') === 'True Reloaded',
    );
    expect(await allLogs()).toEqual(before);
    expect(await allRestarts()).toEqual([0, 0, 0, 0]);
  });

  test('a pod that joins later has read the text itself, and is left alone', async () => {
    await on.run(podOf('late', { configMap: 'main' }));
    const status = await on.untilApplied('main', second, '5/5');
    const { reason } = status.pods.find(({ name }) => name === 'late')!;
    // Files and starts are told apart by whole seconds: within the same one the signal is sent to be sure.
    expect(await on.signals('late')).toEqual(reason === 'StartedWithConfig' ? [] : [`HUP ${hex(second)}`]);
    await on.node.core.deleteNamespacedPod({ namespace: on.namespace, name: 'late' });
  });

  test('a restarted container is looked at again', async () => {
    // Its own end ends the exec, too.
    await on.node.exec('by-trap', 'app', ['sh', '-c', 'kill -TERM 1']).catch(() => undefined);
    await on.untilRestarted('by-trap', 1);
    const pod = await on.node.core.readNamespacedPod({ namespace: on.namespace, name: 'by-trap' });
    const { containerID } = pod.status!.containerStatuses![0]!;
    const status = await on.untilReload('main', ({ pods }) => pods.some((one) => one.containerID === containerID));
    expect(status.pods.every(({ result }) => result === 'success')).toBe(true);
  });

  test('two sources in one pod come to rest, and then nobody writes', async () => {
    const pod = podOf('both', { configMap: 'one' });
    pod.spec!.containers[0]!.volumeMounts!.push({ name: 'second', mountPath: '/etc/second' });
    pod.spec!.volumes!.push({ name: 'second', configMap: { name: 'two' } });
    await on.apply(sourceOf('one', first));
    await on.apply(sourceOf('two', first));
    await on.run(pod);
    await on.apply(sourceOf('one', second));
    await on.apply(sourceOf('two', third));
    await Promise.all([on.untilApplied('one', second, '1/1'), on.untilApplied('two', third, '1/1')]);
    const countWrites = async () => {
      const isWrite = ({ verb }: { verb: string }) => ['create', 'update', 'patch', 'delete'].includes(verb);
      return (await on.node.readAudit((event) => event.user.username === on.user && isWrite(event))).length;
    };
    // Rest: what is recorded last (events, both statuses) is there.
    await waitUntil({
      what: 'a second passes without a write',
      check: async () => {
        const count = await countWrites();
        await sleep(1000);
        return (await countWrites()) === count;
      },
    });
    const atRest = await countWrites();
    const signalled = await on.signals('both');
    await sleep(5000);
    expect(await countWrites()).toBe(atRest);
    expect(await on.signals('both')).toEqual(signalled);
    expect(atRest).toBeGreaterThan(0);
  });
});
