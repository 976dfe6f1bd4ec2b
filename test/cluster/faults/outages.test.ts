import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { KubeConfig } from '@kubernetes/client-node';
import { afterAll, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { contentHash } from '../../../src/core/content-hash.ts';
import { configReloadCrd } from '../../../src/kube/crd.ts';
import { rbacObjects } from '../../../src/kube/rbac.ts';
import { configText } from '../config-reload.ts';
import { startController } from '../controller-process.ts';
import { createEndpointTargets, TARGET_CIDR } from '../endpoint-targets.ts';
import { writeKubeconfig } from '../kubeconfig.ts';
import { requestJson } from '../request-json.ts';
import { useOwnControlPlane } from '../use-cluster.ts';
import { waitUntil } from '../wait-until.ts';
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
  const crd = { name: 'configreloads.reload.leindex.io' };
  async function removeCrd(): Promise<void> {
    await cluster.extensions.deleteCustomResourceDefinition(crd);
    const isGone = () =>
      cluster.extensions.readCustomResourceDefinition(crd).then(
        () => false,
        () => true,
      );
    await waitUntil({ what: 'the CRD is gone', check: isGone });
  }
  /** The same CRD, as a later release might have it. */
  const inVersion = (name: string) => ({
    ...configReloadCrd,
    spec: { ...configReloadCrd.spec, versions: configReloadCrd.spec.versions.map((version) => ({ ...version, name })) },
  });
  const isRefused = async (token: string): Promise<boolean> => {
    const config = new KubeConfig();
    config.loadFromOptions({
      clusters: cluster.kubeConfig.clusters,
      users: [{ name: 'token', token }],
      contexts: [{ name: 'token', cluster: cluster.kubeConfig.clusters[0]!.name, user: 'token' }],
      currentContext: 'token',
    });
    return (await requestJson(config, { path: '/api' })).status === 401;
  };
  const start = (kubeconfig: string) =>
    startController(kubeconfig, '--namespace', namespace, '--allow-endpoint-cidr', TARGET_CIDR);

  test('F34: no CRD at the start, none while it runs, one of another version: not ready, nobody is touched; then it goes on', async () => {
    const targets = await createEndpointTargets(cluster, { namespace, configMap: 'lost', count: 2, prefix: 'lost' });
    const applied = () => targets.map(({ applied: all }) => all);
    await removeCrd();
    await user.apply('lost', one);
    let isReady = false;
    const starting = start(cluster.kubeconfig).finally(() => (isReady = true));
    await sleep(3_000);
    expect([isReady, applied()]).toEqual([false, [[], []]]);
    await cluster.apply(configReloadCrd as never);
    const controller = await starting;
    await user.untilApplied('lost', one);
    expect(applied()).toEqual(Array(2).fill([contentHash(one)]));

    const readiness = async () => (await fetch(`http://127.0.0.1:${controller.port}/readyz`)).text();
    const untilUnready = () =>
      waitUntil({ what: 'it is not ready', check: async () => (await readiness()).includes('CRD'), timeoutMs: 30_000 });
    await removeCrd();
    await user.apply('lost', two);
    await untilUnready();
    await cluster.apply(inVersion('v1beta1') as never);
    await sleep(5_000);
    await untilUnready();
    expect(applied()).toEqual(Array(2).fill([contentHash(one)]));
    await removeCrd();
    await cluster.apply(configReloadCrd as never);
    await user.untilApplied('lost', two);
    await waitUntil({ what: 'it is ready again', check: async () => (await readiness()) === 'ok\n' });
    expect(applied()).toEqual(Array(2).fill([one, two].map(contentHash)));
    await controller.stop();
  });

  test('F48: the token of the account is revoked, and a new one written to its file: it is read again', async () => {
    const account = { namespace, name: 'reloader' };
    const createAccount = async (): Promise<string> => {
      await cluster.core.createNamespacedServiceAccount({ namespace, body: { metadata: { name: account.name } } });
      const body = { spec: { audiences: [], expirationSeconds: 3600 } };
      return (await cluster.core.createNamespacedServiceAccountToken({ ...account, body })).status!.token!;
    };
    const [role] = rbacObjects({ features: ['core'], namespace, watched: [namespace] }).slice(1);
    await cluster.apply(role as never);
    await cluster.apply({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'reloader', namespace },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'leindex-reloader' },
      subjects: [{ kind: 'ServiceAccount', ...account }],
    } as never);
    const tokenFile = join(folder, 'token');
    await writeFile(tokenFile, await createAccount());
    const kubeconfig = join(folder, 'kubeconfigs', 'token-file.yaml');
    const admin = parse(await readFile(cluster.kubeconfig, 'utf8')) as { users: { user: object }[] };
    admin.users[0]!.user = { 'auth-provider': { name: 'tokenFile', config: { tokenFile } } };
    await writeFile(kubeconfig, stringify(admin));
    const controller = await start(kubeconfig);
    const targets = await settledSource('revoked');

    await cluster.core.deleteNamespacedServiceAccount(account);
    const token = await createAccount();
    await waitUntil({
      what: 'the old token is refused',
      check: async () => await isRefused(await readFile(tokenFile, 'utf8')),
    });
    await user.apply('revoked', two);
    await sleep(2_000);
    expect(targets.map(({ applied }) => applied)).toEqual(Array(2).fill([contentHash(one)]));
    await writeFile(tokenFile, token);
    await user.untilApplied('revoked', two);
    expect(targets.map(({ applied }) => applied)).toEqual(Array(2).fill([one, two].map(contentHash)));
    await controller.stop();
  });

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
