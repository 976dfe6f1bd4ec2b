import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { contentHash } from '../../../src/core/content-hash.ts';
import { rbacObjects } from '../../../src/kube/rbac.ts';
import { configText } from '../config-reload.ts';
import { type ControllerProcess, startController } from '../controller-process.ts';
import { createEndpointTargets, TARGET_CIDR } from '../endpoint-targets.ts';
import { useCluster } from '../use-cluster.ts';
import { waitUntil } from '../wait-until.ts';
import type { FaultProxy } from './fault-proxy.ts';
import { SourceUser } from './source-user.ts';
import { startProxied } from './start-proxied.ts';

const [one, two, three] = [configText(2048), configText(4096), configText(6144)];

describe('one namespace of several', async () => {
  const cluster = await useCluster();
  const { namespace: well } = cluster;
  const sick = await cluster.createNamespace('sick');
  const ending = await cluster.createNamespace('ending');
  const watched = [well, sick, ending];
  const users = {
    well: new SourceUser(cluster, well),
    sick: new SourceUser(cluster, sick),
    ending: new SourceUser(cluster, ending),
  };
  let proxy: FaultProxy;
  let controller: ControllerProcess;
  const start = () =>
    startController(
      proxy.kubeconfig,
      ...watched.flatMap((one) => ['--namespace', one]),
      '--allow-endpoint-cidr',
      TARGET_CIDR,
    );
  afterAll(() => Promise.all([sick, ending].map((name) => cluster.removeNamespace(name))));
  beforeAll(async () => {
    proxy = await startProxied(cluster, watched);
    controller = await start();
  });

  const callsIn = (namespace: string, from = 0) =>
    proxy.calls.slice(from).filter(({ path }) => path.includes(`/namespaces/${namespace}/`));
  /** Lines that tell of a refusal in a namespace. */
  const refusalsLogged = (namespace: string, from: number) =>
    controller.log
      .slice(from)
      .filter(
        (line) =>
          Number(line['level']) >= 40 &&
          JSON.stringify(line).includes(`namespaces/${namespace}`) &&
          JSON.stringify(line).includes(' 403 '),
      );
  const binding = { namespace: sick, name: 'leindex-reloader' };
  const allow = async (): Promise<void> => {
    for (const object of rbacObjects({ features: ['core'], namespace: well, watched: [sick] })) {
      if ((object as { kind: string }).kind !== 'ServiceAccount') await cluster.apply(object as never);
    }
  };
  const forbid = () =>
    cluster.objects.delete({ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'RoleBinding', metadata: binding });

  test('F49: rights are taken away in the middle: that namespace waits, the others go on; given back, it catches up', async () => {
    const ours = await createEndpointTargets(cluster, { namespace: well, configMap: 'a', count: 2, prefix: 'a' });
    const theirs = await createEndpointTargets(cluster, { namespace: sick, configMap: 'b', count: 2, prefix: 'b' });
    await users.well.apply('a', one);
    await users.sick.apply('b', one);
    await users.well.untilApplied('a', one);
    await users.sick.untilApplied('b', one);

    await forbid();
    proxy.cutWatches();
    const from = proxy.calls.length;
    const logged = controller.log.length;
    await users.sick.apply('b', two);
    await waitUntil({
      what: 'the refusal is noticed',
      check: () => callsIn(sick, from).some(({ status }) => status === 403),
    });
    for (const text of [two, three]) {
      await users.well.apply('a', text);
      await users.well.untilApplied('a', text);
    }
    await sleep(3_000);
    expect(ours.map(({ applied }) => applied)).toEqual(Array(2).fill([one, two, three].map(contentHash)));
    expect(theirs.map(({ applied }) => applied)).toEqual(Array(2).fill([contentHash(one)]));
    const refused = callsIn(sick, from).filter(({ status }) => status === 403);
    const warnings = refusalsLogged(sick, logged);
    expect(warnings.length).toBeGreaterThan(0);
    expect(warnings.length).toBeLessThanOrEqual(refused.length);
    expect(refused.length).toBeLessThanOrEqual(30);
    const statuses = await Promise.all(
      ['healthz', 'readyz'].map(async (path) => (await fetch(`http://127.0.0.1:${controller.port}/${path}`)).status),
    );
    expect(statuses).toEqual([200, 200]);

    await allow();
    await users.sick.untilApplied('b', two);
    expect(theirs.map(({ applied }) => applied)).toEqual(Array(2).fill([one, two].map(contentHash)));
  });

  test('F49: a start without the rights for one of them: it works for the others', async () => {
    await forbid();
    await controller.kill('SIGKILL');
    const targets = await createEndpointTargets(cluster, { namespace: well, configMap: 'c', count: 1, prefix: 'c' });
    await users.well.apply('c', one);
    const starting = start();
    await users.well.untilApplied('c', one);
    expect(targets[0]?.applied).toEqual([contentHash(one)]);
    await allow();
    controller = await starting;
    await users.sick.apply('b', three);
    await users.sick.untilApplied('b', three);
  });

  test('F36: a namespace that is terminating takes no events and no revisions: no storm of attempts, one line a try', async () => {
    const targets = await createEndpointTargets(cluster, { namespace: ending, configMap: 'd', count: 1, prefix: 'd' });
    await users.ending.apply('d', one);
    await users.ending.untilApplied('d', one);
    // Nobody clears it away here, so that it stays as it is: terminating, with all that is in it.
    await cluster.core.deleteNamespace({ name: ending });
    const from = proxy.calls.length;
    const logged = controller.log.length;
    await users.ending.apply('d', two);
    await waitUntil({
      what: 'a creation was refused',
      check: () => callsIn(ending, from).some(({ status, isWrite }) => isWrite && status === 403),
    });
    await users.well.apply('a', one);
    await users.well.untilApplied('a', one);
    await sleep(5_000);

    expect(targets[0]?.applied).toEqual([one, two].map(contentHash));
    const refused = callsIn(ending, from).filter(({ status, path }) => status === 403 && !path.endsWith('/events'));
    const lines = refusalsLogged(ending, logged);
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.length).toBeLessThanOrEqual(refused.length);
    expect(refused.length).toBeLessThanOrEqual(15);
    expect(controller.process.exitCode).toBeNull();
  });
});
