import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, test } from 'vitest';
import { contentHash } from '../../../src/core/content-hash.ts';
import { configReloadCrd } from '../../../src/kube/crd.ts';
import { configText } from '../config-reload.ts';
import { startController } from '../controller-process.ts';
import { createEndpointTargets, TARGET_CIDR } from '../endpoint-targets.ts';
import { writeKubeconfig } from '../kubeconfig.ts';
import { useOwnControlPlane } from '../use-cluster.ts';
import { SourceUser } from './source-user.ts';
import { TcpProxy } from './tcp-proxy.ts';

/** Loses the whole API server, or the way to it; needs one of its own. */
describe('an outage', async () => {
  const cluster = await useOwnControlPlane();
  const { namespace, controlPlane } = cluster;
  const { folder, apiserver, etcd, authority } = controlPlane;
  await cluster.apply(configReloadCrd as never);
  const user = new SourceUser(cluster, namespace);
  const [one, two, three] = [configText(2048), configText(4096), configText(6144)];

  /** A source with two targets that run the first text. */
  async function settledSource(name: string) {
    const targets = await createEndpointTargets(cluster, { namespace, configMap: name, count: 2, prefix: name });
    await user.apply(name, one);
    await user.untilApplied(name, one);
    return targets;
  }
  const start = (kubeconfig: string) =>
    startController(kubeconfig, '--namespace', namespace, '--allow-endpoint-cidr', TARGET_CIDR);

  test('F10: connections that swallow everything are found dead and replaced, and no edit is lost', async () => {
    const proxy = await TcpProxy.start(new URL(cluster.url));
    afterAll(() => proxy.stop());
    const kubeconfig = await writeKubeconfig({
      path: join(folder, 'kubeconfigs', 'blackhole.yaml'),
      server: proxy.url,
      ca: authority.pair.certificate,
      user: 'admin',
      credentials: await authority.issue({ commonName: 'admin', organizations: ['system:masters'] }),
    });
    const controller = await start(kubeconfig);
    const targets = await settledSource('swallowed');
    const before = proxy.connections;

    proxy.blackhole();
    await user.apply('swallowed', two);
    await user.untilApplied('swallowed', two, 90_000);
    expect(targets.map(({ applied }) => applied)).toEqual(Array(2).fill([one, two].map(contentHash)));
    expect(proxy.connections).toBeGreaterThan(before);
    expect((await fetch(`http://127.0.0.1:${controller.port}/healthz`)).status).toBe(200);
    await controller.stop();
  });

  test('F14: etcd restored from a snapshot: nothing goes back, and the next edit comes once', async () => {
    const data = join(folder, 'etcd');
    const restart = async (change: () => Promise<void>) => {
      await apiserver.stop();
      await etcd.stop();
      await change();
      await etcd.start();
      await apiserver.start();
    };
    const controller = await start(cluster.kubeconfig);
    const targets = await settledSource('restored');
    await restart(() => cp(data, `${data}.snapshot`, { recursive: true }));
    // Versions go far ahead, so that the restored server does not reach them again by itself.
    for (let edit = 0; edit < 50; edit++) await user.apply('unrelated', `n: ${edit}`, { enabled: 'false' });
    await user.apply('restored', two);
    await user.untilApplied('restored', two);

    await restart(async () => {
      await rm(data, { recursive: true });
      await cp(`${data}.snapshot`, data, { recursive: true });
    });
    await user.until('restored', ({ appliedHash }) => appliedHash === contentHash(one));
    await sleep(2_000);
    expect(targets.map(({ applied }) => applied)).toEqual(Array(2).fill([one, two].map(contentHash)));

    await user.apply('restored', three);
    const status = await user.untilApplied('restored', three);
    expect(targets.map(({ applied }) => applied)).toEqual(Array(2).fill([one, two, three].map(contentHash)));
    expect(status.history.map(({ newHash, result }) => [newHash, result])).toEqual(
      [three, one].map((text) => [contentHash(text), 'success']),
    );
    expect(controller.process.exitCode).toBeNull();
  });
});
