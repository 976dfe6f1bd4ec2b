import { once } from 'node:events';
import { beforeAll, describe, expect, test } from 'vitest';
import { contentHash } from '../../../src/core/content-hash.ts';
import { configText } from '../config-reload.ts';
import { startController } from '../controller-process.ts';
import { createEndpointTargets, TARGET_CIDR } from '../endpoint-targets.ts';
import { useCluster } from '../use-cluster.ts';
import { waitUntil } from '../wait-until.ts';
import type { FaultProxy } from './fault-proxy.ts';
import { SourceUser } from './source-user.ts';
import { startProxied } from './start-proxied.ts';

const [one, two] = [configText(2048), configText(4096)];

/** What the controller itself does when it is signalled. */
describe('the controller is sent', async () => {
  const cluster = await useCluster();
  const { namespace } = cluster;
  const user = new SourceUser(cluster, namespace);
  let proxy: FaultProxy;
  beforeAll(async () => {
    proxy = await startProxied(cluster);
  });
  const start = () =>
    startController(
      proxy.kubeconfig,
      ...['--namespace', namespace, '--allow-endpoint-cidr', TARGET_CIDR],
      ...['--leader-elect', '--leader-elect-namespace', namespace],
    );
  async function settledSource(name: string) {
    const [target] = await createEndpointTargets(cluster, { namespace, configMap: name, count: 1, prefix: name });
    await user.apply(name, one);
    await user.untilApplied(name, one);
    return target!;
  }

  test('F44: SIGHUP: it stays up, and goes on', async () => {
    const controller = await start();
    const target = await settledSource('hangup');
    controller.process.kill('SIGHUP');
    await waitUntil({
      what: 'it was noticed',
      check: () => controller.log.some(({ msg }) => String(msg).includes('SIGHUP')),
    });
    await user.apply('hangup', two);
    await user.untilApplied('hangup', two);
    expect(target.applied).toEqual([one, two].map(contentHash));
    await controller.stop();
    expect(controller.process.exitCode).toBe(0);
  });

  test('F43: SIGTERM in the middle of a reload: it ends and is recorded, and only then the lease is given back', async () => {
    const controller = await start();
    const target = await settledSource('ending');
    const called = Promise.withResolvers<() => void>();
    target.behaviour = (request, response, body) => called.resolve(() => target.answer(request, response, body));
    await user.apply('ending', two);
    const answer = await called.promise;
    const from = proxy.calls.length;
    controller.process.kill('SIGTERM');
    await waitUntil({
      what: 'it is stopping',
      check: async () =>
        (await (await fetch(`http://127.0.0.1:${controller.port}/readyz`)).text()).includes('stopping'),
    });
    answer();
    await once(controller.process, 'exit');
    expect(controller.process.exitCode).toBe(0);
    const writes = proxy.calls.slice(from).filter(({ isWrite }) => isWrite);
    const released = writes.findLastIndex(({ path }) => path.includes('/leases/'));
    const recorded = writes.findLastIndex(({ path }) => /\/(pods|configreloads)\/[^/]+\/status$/.test(path));
    expect(recorded).toBeGreaterThanOrEqual(0);
    expect(released).toBeGreaterThan(recorded);
    const lease = await cluster.objects.read({
      apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'leindex-reloader', namespace },
    }); // prettier-ignore
    expect((lease as { spec?: { holderIdentity?: string } }).spec?.holderIdentity ?? '').toBe('');
    expect((await user.untilApplied('ending', two)).history[0]).toMatchObject({
      newHash: contentHash(two),
      result: 'success',
    });
    expect(target.applied).toEqual([one, two].map(contentHash));
  });

  test('F43: a second SIGTERM: it leaves at once, and its successor does what was left', async () => {
    const controller = await start();
    const target = await settledSource('leaving');
    const called = Promise.withResolvers<void>();
    target.behaviour = () => called.resolve();
    await user.apply('leaving', two);
    await called.promise;
    const exit = once(controller.process, 'exit');
    controller.process.kill('SIGTERM');
    await waitUntil({
      what: 'it is stopping',
      check: async () =>
        (await (await fetch(`http://127.0.0.1:${controller.port}/readyz`)).text()).includes('stopping'),
    });
    controller.process.kill('SIGTERM');
    await exit;
    expect(controller.process.exitCode).toBe(143);
    target.behaviour = undefined;
    await start();
    await user.untilApplied('leaving', two);
    expect(target.applied).toEqual([one, two].map(contentHash));
  });
});
