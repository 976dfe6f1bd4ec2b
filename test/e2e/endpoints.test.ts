import { expect, test } from 'vitest';
import { contentHash } from '../../src/core/content-hash.ts';
import { conditionOf, configText } from '../cluster/config-reload.ts';
import { waitUntil } from '../cluster/wait-until.ts';
import { describeControlled } from './controlled-node.ts';
import { appPod, managerPod, podOf, sourceOf } from './workloads.ts';

const first = configText(2048);
const second = configText(4096);

/** How an endpoint can be wrong (`apps/faulty-endpoint.mjs`), and what is said of it. */
const faults = {
  broken: 'EndpointFailed',
  busy: 'EndpointBusy',
  absent: 'EndpointNotFound',
  rejecting: 'EndpointRejected',
  lying: 'EndpointUnverified',
  mute: 'EndpointUnverified',
  endless: 'EndpointUnverified',
  redirecting: 'EndpointRedirected',
  dripping: 'EndpointTimeout',
} as const;

function endpointPod(name: string, kind = name) {
  const pod = appPod(name, name, ['faulty-endpoint.mjs', kind]);
  Object.assign(pod.spec!.containers[0]!, {
    ports: [{ name: 'leindex-reload', containerPort: 8686 }],
    readinessProbe: { httpGet: { path: '/readyz', port: 8686 }, periodSeconds: 1 },
  });
  return pod;
}

describeControlled('endpoints that are wrong', (on) => {
  const reasonOf = async (name: string, reason: string): Promise<void> => {
    await on.untilReload(
      name,
      (one) => one.pods[0]?.reason === reason && conditionOf(one, 'Reloaded') === 'False TargetsFailed',
    );
    await on.untilEvent('configmap', name, new RegExp(`Warning +ReloadFailed.*${reason}`));
  };

  test('a hanging one holds up no other source', async () => {
    await on.apply(sourceOf('hanging', first, { timeout: '20s' }));
    await on.apply(sourceOf('main', first));
    await on.run(endpointPod('hanging'), managerPod('main', 'main'));
    await waitUntil({ what: 'it was called', check: async () => (await on.log('hanging')).length > 0 });
    await on.untilApplied('main', first, '1/1');
    await on.applyByKubectl(sourceOf('main', second));
    await on.untilApplied('main', second, '1/1');
    // Its first call is still open, while the other has gone all the way twice: nothing is known of it, or that it has not run yet.
    const open = await on.reload('hanging');
    expect(open?.pods.filter(({ result }) => result !== 'pending')).toEqual([]);
    expect(open?.podsReady).not.toBe('1/1');
    await reasonOf('hanging', 'EndpointTimeout');
  });

  test('each has its reason and its event', async () => {
    const names = Object.keys(faults) as (keyof typeof faults)[];
    for (const name of names) await on.apply(sourceOf(name, first, { timeout: '2s' }));
    await on.run(...names.map((name) => endpointPod(name)));
    await Promise.all(names.map((name) => reasonOf(name, faults[name])));
    // A redirect is not followed, with the text or without.
    expect(new Set((await on.log('redirecting')).map(({ line }) => line))).toEqual(new Set(['POST /v1/reload']));
    for (const name of names) expect([name, await on.restarts(name)]).toEqual([name, 0]);
  });

  test('where nothing listens', async () => {
    await on.apply(sourceOf('silent', first, { timeout: '2s' }));
    await on.run(
      podOf('silent', { configMap: 'silent', container: { ports: [{ name: 'leindex-reload', containerPort: 9 }] } }),
    );
    await reasonOf('silent', 'EndpointUnreachable');
  });

  test('one that is right after a while gets the text once', async () => {
    await on.apply(sourceOf('flaky', first));
    await on.run(endpointPod('flaky'));
    const status = await on.untilApplied('flaky', first, '1/1');
    expect(status.pods[0]).toMatchObject({ reason: 'EndpointConfirmed', result: 'success' });
    const answers = (await on.log('flaky')).filter(({ line }) => line.startsWith('answered'));
    expect(answers.map(({ line }) => line)).toEqual([`answered ${contentHash(first)}`]);
  });

  test('one that asks for a token refuses without, and takes the text once the Secret is named', async () => {
    const { namespace, node } = on;
    const body = { metadata: { name: 'reload-token' }, stringData: { token: 'a-token-of-the-test' } };
    await node.core.createNamespacedSecret({ namespace, body });
    const pod = managerPod('locked', 'locked', ['--token-file', '/run/token/token']);
    pod.spec!.containers[0]!.volumeMounts!.push({ name: 'token', mountPath: '/run/token' });
    pod.spec!.volumes!.push({ name: 'token', secret: { secretName: 'reload-token' } });
    await on.apply(sourceOf('locked', first));
    await on.run(pod);
    await reasonOf('locked', 'EndpointUnauthorized');
    await on.applyByKubectl(sourceOf('locked', first, { 'token-secret': 'reload-token' }));
    const status = await on.untilApplied('locked', first, '1/1');
    // It had read the file at its start.
    expect(status.pods[0]).toMatchObject({ reason: 'AlreadyCurrent' });
    await on.applyByKubectl(sourceOf('locked', second, { 'token-secret': 'reload-token' }));
    expect((await on.untilApplied('locked', second, '1/1')).pods[0]).toMatchObject({ reason: 'EndpointConfirmed' });
  });
});
