import { setTimeout as sleep } from 'node:timers/promises';
import type { V1Pod } from '@kubernetes/client-node';
import { beforeAll, expect, test } from 'vitest';
import { configReloadCrd } from '../../src/kube/crd.ts';
import { rbacObjects } from '../../src/kube/rbac.ts';
import { contentHash } from '../../src/core/content-hash.ts';
import type { ConfigReloadStatus } from '../../src/core/configreload.ts';
import { conditionOf, configText, readReload, waitForReload } from '../cluster/config-reload.ts';
import { type ControllerProcess, startController } from '../cluster/controller-process.ts';
import { waitUntil } from '../cluster/wait-until.ts';
import { addBundleImages } from './bundle-image.ts';
import { describeOnNode } from './describe-on-node.ts';
import { managerPod, podOf, shelllessImage, sourceOf } from './workloads.ts';

const first = configText(2048);
const second = configText(4096);
const third = configText(6144);
const hex = (text: string) => contentHash(text).slice('sha256:'.length);

describeOnNode('the controller on a real kubelet', (node) => {
  let controller: ControllerProcess;
  let kubeconfig: string;
  const args = () => ['--namespace', node.namespace];

  beforeAll(async () => {
    await node.apply(configReloadCrd as never);
    // The very rights of deploy/, in one namespace: what works here needs no more.
    const features = ['core', 'signal', 'token-secret'] as const;
    const { namespace } = node;
    for (const object of rbacObjects({ features, namespace, watched: [namespace] })) await node.apply(object as never);
    kubeconfig = await node.serviceAccountKubeconfig({ namespace, name: 'leindex-reloader' });
    await addBundleImages(node);
    controller = await startController(kubeconfig, ...args());
  });

  const apply = (object: object) => node.apply(object as never, node.namespace);
  const reload = (name: string, isIt: (status: ConfigReloadStatus) => boolean) =>
    waitForReload(node, { namespace: node.namespace, name }, isIt);
  const applied = (name: string, text: string, podsReady: string) =>
    reload(name, (status) => status.appliedHash === contentHash(text) && status.podsReady === podsReady);
  async function start(...pods: V1Pod[]): Promise<void> {
    for (const pod of pods) await apply(pod);
    for (const pod of pods) await node.waitForPod(pod.metadata!.name!);
  }
  /** Lines of a ledger: `HUP <hash of the file at that moment>`. */
  async function ledger(name: string): Promise<string[]> {
    const log = await node.core.readNamespacedPodLog({ namespace: node.namespace, name });
    return (log || '').split('\n').filter((line) => /^(start|HUP|USR1) /.test(line));
  }
  async function restarts(name: string): Promise<number> {
    const pod = await node.core.readNamespacedPod({ namespace: node.namespace, name });
    return pod.status?.containerStatuses?.reduce((sum, { restartCount }) => sum + restartCount, 0) ?? -1;
  }
  const events = async (name: string) =>
    (await node.kubectl('-n', node.namespace, 'describe', 'configmap', name)).split('Events:')[1] ?? '';

  test('one edit: a signal that comes after the file, an endpoint that says the hash, nobody restarted', async () => {
    await apply(sourceOf('main', first));
    await start(podOf('main-signal', { configMap: 'main' }), managerPod('main-endpoint', 'main'));
    await applied('main', first, '2/2');
    const before = await ledger('main-signal');

    const started = performance.now();
    await apply(sourceOf('main', second));
    const status = await applied('main', second, '2/2');
    console.log(
      `edit to both proven and recorded: ${Math.round(performance.now() - started)} ms (the kubelet alone: 44 to 74 s)`,
    );

    expect((await ledger('main-signal')).slice(before.length)).toEqual([`HUP ${hex(second)}`]);
    expect(status.pods.map(({ name, reason }) => `${name} ${reason}`).sort()).toEqual([
      'main-endpoint EndpointConfirmed',
      'main-signal SignalDelivered',
    ]);
    expect([await restarts('main-signal'), await restarts('main-endpoint')]).toEqual([0, 0]);
    const pod = await node.core.readNamespacedPod({ namespace: node.namespace, name: 'main-endpoint' });
    expect(pod.metadata?.annotations?.['reload.leindex.io/config-hash']).toBe(contentHash(second));
    const history = (await (await fetch(`http://${pod.status!.podIP!}:8686/v1/history`)).json()) as {
      events: { reason: string; newHash: string }[];
    };
    expect(
      history.events.filter(({ newHash, reason }) => newHash === contentHash(second) && reason === 'Reloaded'),
    ).toHaveLength(1);
    await expect
      .poll(() => events('main'))
      .toMatch(/ReloadSucceeded.*2\/2 targets run it.*total_budget_mb 2048 → 4096/);
    const described = await node.kubectl('-n', node.namespace, 'describe', 'pod', 'main-signal');
    expect(described).toMatch(/ConfigReloaded.*SignalDelivered/);
  });

  test('an invalid edit touches nobody, and says where and why', async () => {
    const before = await ledger('main-signal');
    await apply(sourceOf('main', second.replace('1024', '4000')));
    const status = await reload('main', (one) => conditionOf(one, 'Valid') === 'False ValidationFailed');
    expect(status).toMatchObject({ appliedHash: contentHash(second), podsReady: '2/2' });
    expect(status.history[0]).toMatchObject({ result: 'validation_failed', reason: 'ValidationFailed' });
    await expect
      .poll(() => events('main'))
      .toMatch(/Warning +ValidationFailed.*mcp_config\.yaml:4:20 memory\.global_index_mb.*valid is 410 to 2048/);
    expect(await ledger('main-signal')).toEqual(before);
    // Good after bad: as if the bad one had never been.
    await apply(sourceOf('main', second));
    await reload(
      'main',
      (one) => conditionOf(one, 'Valid') === 'True Valid' && conditionOf(one, 'Reloaded') === 'True Reloaded',
    );
    expect(await ledger('main-signal')).toEqual(before);
  });

  test('a pod that joins later has read the text itself, and is left alone', async () => {
    await start(podOf('main-late', { configMap: 'main' }));
    const status = await applied('main', second, '3/3');
    const hups = (await ledger('main-late')).filter((line) => line.startsWith('HUP'));
    const { reason } = status.pods.find(({ name }) => name === 'main-late')!;
    // Files and starts are told apart by whole seconds: within two of them the signal is sent to be sure.
    expect(reason === 'StartedWithConfig' ? hups : hups.slice(1)).toEqual([]);
    await node.core.deleteNamespacedPod({ namespace: node.namespace, name: 'main-late' });
  });

  test('a restarted container is looked at again', async () => {
    // Its own end ends the exec, too.
    await node.exec('main-signal', 'app', ['sh', '-c', 'kill -TERM 1']).catch(() => undefined);
    await waitUntil({ what: 'it restarts', check: async () => (await restarts('main-signal')) === 1 });
    await node.waitForPod('main-signal');
    await applied('main', second, '2/2');
    const { pods } = (await readReload(node, node.namespace, 'main'))!;
    const pod = await node.core.readNamespacedPod({ namespace: node.namespace, name: 'main-signal' });
    await expect
      .poll(
        async () =>
          (await readReload(node, node.namespace, 'main'))!.pods.find(({ name }) => name === 'main-signal')
            ?.containerID,
      )
      .toBe(pod.status!.containerStatuses![0]!.containerID);
    expect(pods.every(({ result }) => result === 'success')).toBe(true);
  });

  test('each thing that stands in the way has its reason; none of them ends a process or delays another source', async () => {
    const crash = ['sh', '-c', "trap 'exit 3' HUP; trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done"];
    const child = `printf '#!/bin/sh\\ntrap "echo HUP $(sha256sum /etc/leindex/mcp_config.yaml | cut -c1-64) child" HUP; while :; do sleep 3600 & wait $!; done' > /tmp/catcher; chmod +x /tmp/catcher; /tmp/catcher & while :; do sleep 3600; done`;
    const cases: Record<string, { pod: V1Pod; reason: string; annotations?: Record<string, string>; config?: object }> =
      {
        deaf: {
          reason: 'SignalNotHandled',
          pod: podOf('deaf', { configMap: 'deaf', container: { command: ['sleep', '36000'] } }),
        },
        crashing: {
          reason: 'ProcessCrashed',
          pod: podOf('crashing', { configMap: 'crashing', container: { command: crash } }),
        },
        nobody: {
          reason: 'ProcessNotFound',
          annotations: { process: 'nobody' },
          pod: podOf('nobody', { configMap: 'nobody' }),
        },
        child: {
          reason: 'SignalDelivered',
          annotations: { process: 'catcher' },
          pod: podOf('child', { configMap: 'child', container: { command: ['sh', '-c', child] } }),
        },
        usr1: {
          reason: 'SignalDelivered',
          annotations: { signal: 'SIGUSR1' },
          pod: podOf('usr1', { configMap: 'usr1' }),
        },
        shellless: {
          reason: 'ShellMissing',
          annotations: { strategy: 'signal' },
          pod: podOf('shellless', {
            configMap: 'shellless',
            container: {
              image: shelllessImage,
              command: ['/usr/local/bin/node', '-e', 'process.on("SIGHUP", () => {}); setInterval(() => {}, 1e6)'],
            },
          }),
        },
        subpath: {
          reason: 'SubPathMount',
          pod: podOf('subpath', {
            configMap: 'subpath',
            container: {
              command: ['sleep', '36000'],
              volumeMounts: [{ name: 'config', mountPath: '/x.yaml', subPath: 'mcp_config.yaml' }],
            },
          }),
        },
        variable: {
          reason: 'EnvironmentUse',
          pod: podOf('variable', {
            container: {
              command: ['sleep', '36000'],
              env: [{ name: 'X', valueFrom: { configMapKeyRef: { name: 'variable', key: 'mcp_config.yaml' } } }],
            },
          }),
        },
        otherkey: {
          reason: 'KeyNotMounted',
          annotations: { key: 'mcp_config.yaml' },
          config: { other: 'x' },
          pod: podOf('otherkey', {
            configMap: 'otherkey',
            container: { command: ['sleep', '36000'] },
            volume: { items: [{ key: 'other', path: 'other' }] },
          }),
        },
        noendpoint: {
          reason: 'NoEndpoint',
          annotations: { strategy: 'endpoint' },
          pod: podOf('noendpoint', { configMap: 'noendpoint' }),
        },
        locked: {
          reason: 'EndpointUnauthorized',
          pod: managerPod('locked', 'locked', ['--token-file', '/etc/leindex/token']),
          config: { token: 'secret' },
          annotations: { key: 'mcp_config.yaml' },
        },
        silent: {
          reason: 'EndpointUnreachable',
          annotations: { timeout: '2s' },
          pod: podOf('silent', {
            configMap: 'silent',
            container: { ports: [{ name: 'leindex-reload', containerPort: 9 }] },
          }),
        },
      };
    const source = (name: string, text: string) => {
      const object = sourceOf(name, text, cases[name]!.annotations) as { data: object };
      return { ...object, data: { ...object.data, ...cases[name]!.config } };
    };
    for (const name of Object.keys(cases)) await apply(source(name, first));
    await start(...Object.values(cases).map(({ pod }) => pod));
    await sleep(2500); // whole seconds tell whether a container started with its text
    for (const name of Object.keys(cases)) await apply(source(name, second));

    const found = await waitUntil({
      what: 'each case has come to its reason',
      timeoutMs: 60_000,
      check: async () => {
        const statuses = await Promise.all(Object.keys(cases).map((name) => readReload(node, node.namespace, name)));
        const reasons = Object.fromEntries(
          Object.keys(cases).map((name, index) => {
            const status = statuses[index];
            const pod = status?.pods.find((one) => one.name === name);
            // Its kubelet starts it again, and then it runs the new text: what happened is in the history.
            if (name === 'crashing') return [name, /ProcessCrashed/.exec(JSON.stringify(status?.history))?.[0]];
            return [
              name,
              statuses[index]?.observedHash === contentHash(second) &&
              conditionOf(statuses[index], 'Progressing') !== 'True RollingOut'
                ? pod?.reason
                : undefined,
            ];
          }),
        );
        return Object.values(reasons).every(Boolean) && reasons;
      },
    });
    expect(found).toEqual(Object.fromEntries(Object.entries(cases).map(([name, { reason }]) => [name, reason])));
    // The crashing one was restarted by its kubelet, once; nobody else was.
    const counts = Object.fromEntries(
      await Promise.all(Object.keys(cases).map(async (name) => [name, await restarts(name)] as const)),
    );
    expect(counts).toEqual(Object.fromEntries(Object.keys(cases).map((name) => [name, name === 'crashing' ? 1 : 0])));
    expect((await ledger('usr1')).at(-1)).toBe(`USR1 ${hex(second)}`);
    await expect.poll(() => events('deaf')).toMatch(/Warning +ReloadFailed.*SignalNotHandled/);
    await expect.poll(() => events('subpath')).toMatch(/Warning +PodSkipped.*SubPathMount/);

    // What failed for good is left alone, until something changes.
    await sleep(3000);
    expect(await restarts('crashing')).toBe(1);
    await apply(source('deaf', third));
    await reload(
      'deaf',
      (status) =>
        status.observedHash === contentHash(third) && conditionOf(status, 'Reloaded') === 'False TargetsFailed',
    );

    // The other sources were not delayed.
    await apply(sourceOf('main', third));
    await applied('main', third, '2/2');
    await apply(sourceOf('main', second));
    await applied('main', second, '2/2');
  }, 180_000);

  test('a token from a Secret opens the endpoint', async () => {
    const { namespace } = node;
    await node.core.createNamespacedSecret({
      namespace,
      body: { metadata: { name: 'reload-token' }, stringData: { token: 'secret' } },
    });
    const object = sourceOf('locked', third, { key: 'mcp_config.yaml', 'token-secret': 'reload-token' }) as {
      data: object;
    };
    await apply({ ...object, data: { ...object.data, token: 'secret' } });
    expect((await applied('locked', third, '1/1')).pods[0]).toMatchObject({ reason: 'EndpointConfirmed' });
  });

  test('a missing key is reported, and what runs goes on', async () => {
    await apply({ ...sourceOf('usr1', second, { signal: 'SIGUSR1', key: 'mcp_config.yaml' }), data: { renamed: 'x' } });
    const status = await reload('usr1', (one) => conditionOf(one, 'Valid') === 'False KeyMissing');
    expect(status).toMatchObject({ appliedHash: contentHash(second) });
    expect(status.history[0]).toMatchObject({ result: 'file_not_found', reason: 'KeyMissing' });
    await expect
      .poll(() => events('usr1'))
      .toMatch(/Warning +FileNotFound.*there is no key mcp_config.yaml; the ConfigMap has renamed/);
  });

  test('two sources in one pod come to rest, and then nobody writes', async () => {
    const { namespace } = node;
    const pod = podOf('both', { configMap: 'one' });
    pod.spec!.containers[0]!.volumeMounts!.push({ name: 'second', mountPath: '/etc/second' });
    pod.spec!.volumes!.push({ name: 'second', configMap: { name: 'two' } });
    await apply(sourceOf('one', first));
    await apply(sourceOf('two', first));
    await start(pod);
    await apply(sourceOf('one', second));
    await apply(sourceOf('two', third));
    await Promise.all([applied('one', second, '1/1'), applied('two', third, '1/1')]);
    const writes = () =>
      node.readAudit(
        ({ verb, user, objectRef }) =>
          ['create', 'update', 'patch', 'delete'].includes(verb) &&
          user.username === `system:serviceaccount:${namespace}:leindex-reloader` &&
          ['one', 'two', 'both'].includes(objectRef?.name ?? ''),
      );
    await sleep(1500);
    const before = (await writes()).length;
    await sleep(4000);
    expect((await writes()).length).toBe(before);
    expect(before).toBeGreaterThan(0);
  });

  test('a ConfigMap, or a pod, that goes in mid-reload leaves the controller going on', async () => {
    const { namespace } = node;
    await apply(sourceOf('going', first));
    await start(podOf('going-1', { configMap: 'going' }), podOf('going-2', { configMap: 'going' }));
    await applied('going', first, '2/2');
    await apply(sourceOf('going', second));
    await node.core.deleteNamespacedPod({ namespace, name: 'going-1', gracePeriodSeconds: 0 });
    await applied('going', second, '1/1');
    const before = await ledger('going-2');
    await apply(sourceOf('going', third));
    await node.core.deleteNamespacedConfigMap({ namespace, name: 'going' });
    await sleep(2500);
    // It ran the third text or stayed at the second; never anything else, and never nothing.
    const after = (await ledger('going-2')).slice(before.length);
    expect(after.every((line) => line === `HUP ${hex(third)}`)).toBe(true);
    expect(await restarts('going-2')).toBe(0);
    expect(controller.process.exitCode).toBeNull();
    await apply(sourceOf('main', third));
    await applied('main', third, '2/2');
  });

  test('killed at any moment and started again, it ends the same: nothing lost, nothing older, nothing twice at an endpoint', async () => {
    const seed = Date.now() % 1_000_000;
    console.log(`seed ${seed}`);
    let state = seed;
    const random = () => (state = (state * 1103515245 + 12345) % 2147483648) / 2147483648;
    const texts = Array.from({ length: 8 }, (_, round) => configText(7168 + 64 * round));
    for (const text of texts) {
      await apply(sourceOf('main', text));
      await sleep(random() * 700);
      await controller.kill('SIGKILL');
      controller = await startController(kubeconfig, ...args());
      await applied('main', text, '2/2');
    }
    const order = [third, ...texts].map(hex);
    const hups = (await ledger('main-signal'))
      .filter((line) => line.startsWith('HUP'))
      .map((line) => order.indexOf(line.split(' ')[1]!));
    expect(hups.at(-1)).toBe(order.length - 1);
    const seen = hups.filter((position) => position > 0);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    expect(new Set(seen).size).toBe(texts.length);
    const pod = await node.core.readNamespacedPod({ namespace: node.namespace, name: 'main-endpoint' });
    const { events: history } = (await (
      await fetch(`http://${pod.status!.podIP!}:8686/v1/history?limit=100`)
    ).json()) as { events: { reason: string; newHash: string }[] };
    const reloaded = history.filter(({ reason }) => reason === 'Reloaded').map(({ newHash }) => newHash);
    for (const text of texts) expect(reloaded.filter((hash) => hash === contentHash(text))).toHaveLength(1);
    const status = (await readReload(node, node.namespace, 'main'))!;
    for (const text of texts)
      expect(status.history.filter(({ newHash }) => newHash === contentHash(text))).toHaveLength(1);
    expect([await restarts('main-signal'), await restarts('main-endpoint')]).toEqual([1, 0]);
  }, 180_000);
});
