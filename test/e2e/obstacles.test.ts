import { setTimeout as sleep } from 'node:timers/promises';
import type { V1Pod } from '@kubernetes/client-node';
import { expect, test } from 'vitest';
import { contentHash } from '../../src/core/content-hash.ts';
import { conditionOf, configText } from '../cluster/config-reload.ts';
import { describeControlled } from './controlled-node.ts';
import { podOf, shelllessImage, sourceOf } from './workloads.ts';

const first = configText(2048);
const second = configText(4096);
const third = configText(6144);
const hex = (text: string) => contentHash(text).slice('sha256:'.length);

interface Case {
  readonly reason: string;
  readonly pod: V1Pod;
  readonly annotations?: Record<string, string>;
  readonly data?: Record<string, string>;
}

const deaf = { command: ['sleep', '36000'] };

/** A shell that runs a child of a name of its own, which does this on SIGHUP; one that ends is started again. */
function parentOf(child: string, onHup: string): { command: string[] } {
  const body = `trap "echo HUP \\$(sha256sum /etc/leindex/mcp_config.yaml | cut -c1-64)${onHup}" HUP; while :; do sleep 3600 & wait; done`;
  const script = `cat > /tmp/${child} <<'END'\n#!/bin/sh\n${body}\nEND\nchmod +x /tmp/${child}; while :; do /tmp/${child}; done`;
  return { command: ['sh', '-c', script] };
}

/** What can stand in the way of a signal, by the name of source and pod. */
const cases: Readonly<Record<string, Case>> = {
  deaf: { reason: 'SignalNotHandled', pod: podOf('deaf', { configMap: 'deaf', container: deaf }) },
  nobody: {
    reason: 'ProcessNotFound',
    annotations: { process: 'nobody' },
    pod: podOf('nobody', { configMap: 'nobody' }),
  },
  child: {
    reason: 'SignalDelivered',
    annotations: { process: 'catcher' },
    pod: podOf('child', { configMap: 'child', container: parentOf('catcher', '') }),
  },
  fragile: {
    reason: 'ProcessCrashed',
    annotations: { process: 'fragile' },
    pod: podOf('fragile', { configMap: 'fragile', container: parentOf('fragile', '; exit 3') }),
  },
  other: {
    reason: 'SignalDelivered',
    annotations: { signal: 'SIGUSR1' },
    pod: podOf('other', { configMap: 'other' }),
  },
  shellless: {
    reason: 'ShellMissing',
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
        ...deaf,
        volumeMounts: [{ name: 'config', mountPath: '/config.yaml', subPath: 'mcp_config.yaml' }],
      },
    }),
  },
  variable: {
    reason: 'EnvironmentUse',
    pod: podOf('variable', {
      container: {
        ...deaf,
        env: [{ name: 'CONFIG', valueFrom: { configMapKeyRef: { name: 'variable', key: 'mcp_config.yaml' } } }],
      },
    }),
  },
  unmounted: {
    reason: 'KeyNotMounted',
    annotations: { key: 'mcp_config.yaml' },
    data: { another: 'x' },
    pod: podOf('unmounted', {
      configMap: 'unmounted',
      container: deaf,
      volume: { items: [{ key: 'another', path: 'another' }] },
    }),
  },
  noendpoint: {
    reason: 'NoEndpoint',
    annotations: { strategy: 'endpoint' },
    pod: podOf('noendpoint', { configMap: 'noendpoint' }),
  },
};
const names = Object.keys(cases);

describeControlled('what stands in the way of a signal', (on) => {
  const source = (name: string, text: string) => sourceOf(name, text, cases[name]!.annotations, cases[name]!.data);

  test('each has its reason, and none ends a container', async () => {
    for (const name of names) await on.apply(source(name, first));
    await on.run(...Object.values(cases).map(({ pod }) => pod));
    for (const name of names) await on.applyByKubectl(source(name, second));
    const found = await Promise.all(
      names.map(async (name) => {
        const status = await on.untilReload(
          name,
          ({ observedHash, pods, conditions }) =>
            observedHash === contentHash(second) &&
            conditions.some(({ type, status }) => type === 'Progressing' && status === 'False') &&
            // A process that is not half a minute old may still be about to catch its signal: it is looked at again.
            pods.every(({ reason }) => reason !== 'ProcessStarting'),
        );
        return [name, status.pods.find((pod) => pod.name === name)?.reason];
      }),
    );
    expect(Object.fromEntries(found)).toEqual(
      Object.fromEntries(Object.entries(cases).map(([name, { reason }]) => [name, reason])),
    );
    for (const name of names) expect([name, await on.restarts(name)]).toEqual([name, 0]);
    expect((await on.signals('child')).at(-1)).toBe(`HUP ${hex(second)}`);
    expect((await on.signals('other')).at(-1)).toBe(`USR1 ${hex(second)}`);
  });

  test('its event says what to do', async () => {
    await on.untilEvent('configmap', 'deaf', /Warning +ReloadFailed.*SignalNotHandled/);
    await on.untilEvent('pod', 'deaf', /Warning +ConfigReloadFailed.*SignalNotHandled/);
    await on.untilEvent('configmap', 'fragile', /Warning +ReloadFailed.*ProcessCrashed/);
    await on.untilEvent('configmap', 'shellless', /Warning +ReloadFailed.*ShellMissing/);
    await on.untilEvent('configmap', 'subpath', /Warning +PodSkipped.*SubPathMount/);
    await on.untilEvent('configmap', 'variable', /Warning +PodSkipped.*EnvironmentUse/);
    await on.untilEvent('configmap', 'unmounted', /Warning +PodSkipped.*KeyNotMounted/);
    await on.untilEvent('configmap', 'noendpoint', /Warning +PodSkipped.*NoEndpoint/);
  });

  test('a process that ended at its signal gets no further one until the text changes', async () => {
    const before = await on.signals('fragile');
    await sleep(6000); // failures that may be tried again are, after 2 and after 4 seconds
    expect(await on.signals('fragile')).toEqual(before);
    await on.applyByKubectl(source('fragile', third));
    await on.untilReload(
      'fragile',
      (one) => one.observedHash === contentHash(third) && conditionOf(one, 'Reloaded') === 'False TargetsFailed',
    );
    expect((await on.signals('fragile')).slice(before.length)).toEqual([`HUP ${hex(third)}`]);
  });

  test('process 1 that ends at its signal is named, and restarted by its kubelet alone, once', async () => {
    const command = ['sh', '-c', "trap 'exit 3' HUP; trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done"];
    await on.apply(sourceOf('crashing', first));
    await on.run(podOf('crashing', { configMap: 'crashing', container: { command } }));
    // Started in the second of its file, it is signalled to be sure, and ends for the first time.
    await on.untilApplied('crashing', first, '1/1');
    const before = await on.restarts('crashing');
    await on.applyByKubectl(sourceOf('crashing', second));
    await on.untilReload('crashing', ({ history }) =>
      history.some((one) => one.newHash === contentHash(second) && one.errorMessage.includes('ProcessCrashed')),
    );
    await on.untilEvent('pod', 'crashing', /Warning +ConfigReloadFailed.*ProcessCrashed/);
    // The new process has read the new text itself.
    await on.untilRestarted('crashing', before + 1);
    await on.untilApplied('crashing', second, '1/1');
    await sleep(3000);
    expect(await on.restarts('crashing')).toBe(before + 1);
  });

  test('a missing key is reported, and what runs goes on', async () => {
    const before = await on.signals('other');
    const annotations = { signal: 'SIGUSR1', key: 'mcp_config.yaml' };
    await on.applyByKubectl({ ...sourceOf('other', second, annotations), data: { renamed: 'x' } });
    const status = await on.untilReload('other', (one) => conditionOf(one, 'Valid') === 'False KeyMissing');
    expect(status).toMatchObject({ appliedHash: contentHash(second) });
    expect(status.history[0]).toMatchObject({ result: 'file_not_found', reason: 'KeyMissing' });
    await on.untilEvent(
      'configmap',
      'other',
      /Warning +FileNotFound.*there is no key mcp_config.yaml; the ConfigMap has renamed/,
    );
    expect(await on.signals('other')).toEqual(before);
  });
});
