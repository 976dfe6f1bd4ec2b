import { setTimeout as sleep } from 'node:timers/promises';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, describe, expect, test } from 'vitest';
import { contentHash } from '../../src/core/content-hash.ts';
import { createKubeClient } from '../../src/kube/kube-client.ts';
import { createLeaseClient } from '../../src/kube/lease-client.ts';
import { LeaderElector, LeaseLostError } from '../../src/runtime/leader-elector.ts';
import { configText, waitForReload } from './config-reload.ts';
import { type ControllerProcess, startController } from './controller-process.ts';
import { createEndpointTargets, TARGET_CIDR } from './endpoint-targets.ts';
import { type UsedCluster, useCluster } from './use-cluster.ts';
import { waitUntil } from './wait-until.ts';

const LEASE = 'leindex-reloader';
const TIMING = { leaseMs: 3_000, renewMs: 2_000, retryMs: 200 };

async function useLease(cluster: UsedCluster, name: string) {
  const client = createKubeClient({
    kubeconfig: cluster.kubeconfig,
    userAgent: 'test',
    logger: pino({ level: 'silent' }),
  });
  afterAll(() => client.close());
  return { client, lease: createLeaseClient(client, { namespace: cluster.namespace, name }) };
}

const readLease = async (cluster: UsedCluster, name: string) => {
  const api = cluster.objects;
  const { body, ...rest } = {
    body: undefined,
    ...(await api.read({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name, namespace: cluster.namespace },
    })),
  };
  return rest as unknown as {
    metadata: { labels?: object };
    spec: { holderIdentity?: string; leaseTransitions: number; leaseDurationSeconds: number; renewTime: Date };
  };
};

describe('a Lease on the real API server', async () => {
  const cluster = await useCluster();
  const signal = new AbortController().signal;

  test('client-go TestLeaseSpecToLeaderElectionRecordRoundTrip, and compare-and-swap', async () => {
    const { lease } = await useLease(cluster, 'round-trip');
    expect(await lease.read(signal)).toBeUndefined();
    const record = {
      holder: 'a',
      durationSeconds: 15,
      acquireTime: '2026-01-01T12:00:00.000001Z',
      renewTime: '2026-01-01T12:00:02.000000Z',
      transitions: 2,
    };
    const made = await lease.create(record, signal);
    expect(made?.record).toEqual(record);
    expect(await lease.create({ ...record, holder: 'b' }, signal)).toBeUndefined();
    expect(await lease.read(signal)).toEqual(made);

    const renewed = await lease.replace({ ...record, renewTime: '2026-01-01T12:00:04.000000Z' }, made!.version, signal);
    expect(renewed?.record.renewTime).toBe('2026-01-01T12:00:04.000000Z');
    expect(await lease.replace({ ...record, holder: 'b' }, made!.version, signal)).toBeUndefined();

    const released = await lease.replace({ ...record, holder: '', durationSeconds: 1 }, renewed!.version, signal);
    expect(released?.record).toMatchObject({ holder: '', transitions: 2 });
  });

  test('what others wrote on it stays; a Lease without a spec is taken; one that was deleted is made anew', async () => {
    const { lease } = await useLease(cluster, 'edited');
    await cluster.apply(
      { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'edited', labels: { team: 'x' } } },
      cluster.namespace,
    );
    const elector = new LeaderElector({ lease, identity: 'a', timing: TIMING });
    const stop = new AbortController();
    const isRun = elector.run(stop.signal, async () => {
      await cluster.objects.delete({
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name: 'edited', namespace: cluster.namespace },
      });
      await waitUntil({
        what: 'the Lease is there again',
        check: async () => (await lease.read(signal))?.record.holder === 'a',
      });
      stop.abort();
    });
    await waitUntil({ what: 'it leads', check: () => elector.isLeading });
    expect(await isRun).toBe(true);
    expect((await readLease(cluster, 'edited')).spec.holderIdentity).toBeUndefined();
  });

  test('three candidates: never two at once, and the Lease goes on when its holder stops or loses it', async () => {
    const { lease } = await useLease(cluster, 'three');
    let working = 0;
    const turns: string[] = [];
    const ends = await Promise.allSettled(
      ['a', 'b', 'c'].map((identity) =>
        new LeaderElector({ lease, identity, timing: TIMING }).run(signal, async (lost) => {
          working++;
          turns.push(identity);
          expect(working).toBe(1);
          // The second to lead is robbed; the others end by themselves.
          if (turns.length === 2) {
            const present = await lease.read(signal);
            await lease.replace({ ...present!.record, holder: 'robber', durationSeconds: 1 }, present!.version, signal);
            await waitUntil({ what: 'the loss is noticed', check: () => lost.aborted });
          } else await sleep(600);
          working--;
        }),
      ),
    );
    expect(turns.toSorted()).toEqual(['a', 'b', 'c']);
    expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
    const rejected = ends.find((end) => end.status === 'rejected');
    expect(rejected?.reason).toBeInstanceOf(LeaseLostError);
  });
});

describe('two controllers', async () => {
  const cluster = await useCluster();
  const { namespace } = cluster;
  await cluster.apply(await readFile(join(import.meta.dirname, '..', '..', 'deploy', 'crd.yaml'), 'utf8'));

  const start = (): Promise<ControllerProcess> =>
    startController(
      cluster.kubeconfig,
      '--namespace',
      namespace,
      '--leader-elect',
      '--leader-elect-namespace',
      namespace,
      '--allow-endpoint-cidr',
      TARGET_CIDR,
    );
  const leads = ({ log }: ControllerProcess) => log.some(({ msg }) => msg === 'leads');
  const source = (budget: number) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'leindex', annotations: { 'reload.leindex.io/enabled': 'true' } },
    data: { 'mcp_config.yaml': configText(budget) },
  });
  const isApplied = (hash: string) =>
    waitForReload(
      cluster,
      { namespace, name: 'leindex' },
      (status) => status.appliedHash === hash && status.podsReady === '12/12',
    );
  const hashOf = (budget: number) => contentHash(Buffer.from(configText(budget)));

  test('one works and one follows, warm; at each hand-over no target is reloaded twice for one hash, and none is missed', async () => {
    await cluster.apply(source(1024), namespace);
    const targets = await createEndpointTargets(cluster, { namespace, configMap: 'leindex', count: 12 });
    const one = await start();
    await waitUntil({ what: 'the first leads', check: () => leads(one) });
    const two = await start();
    await isApplied(hashOf(1024));
    expect(leads(two)).toBe(false);
    expect(await one.metrics()).toContain('leader_election_master_status{name="leindex-reloader"} 1');
    expect(await two.metrics()).toContain('leader_election_master_status{name="leindex-reloader"} 0');
    expect((await readLease(cluster, LEASE)).spec).toMatchObject({ leaseDurationSeconds: 15, leaseTransitions: 0 });

    // SIGTERM in the middle of a rollout: it ends in peace, then the Lease is free at once.
    const slow = targets.map((target) => {
      const arrived = Promise.withResolvers<void>();
      target.behaviour = (request, response, body) => {
        arrived.resolve();
        setTimeout(() => {
          target.behaviour = undefined;
          target.answer(request, response, body);
        }, 300);
      };
      return arrived.promise;
    });
    await cluster.apply(source(2048), namespace);
    await Promise.all(slow);
    await one.stop();
    expect(one.process.exitCode).toBe(0);
    expect(two.log.some(({ msg }) => msg === 'reloaded')).toBe(false);
    await waitUntil({ what: 'the second leads', check: () => leads(two), timeoutMs: 10_000 });
    await isApplied(hashOf(2048));
    expect((await readLease(cluster, LEASE)).spec.leaseTransitions).toBe(1);

    // SIGSTOP in the middle of a rollout: the third takes over; the second, when it goes on, does nothing more and ends.
    const three = await start();
    const stuck = targets.slice(0, 6).map((target) => {
      const arrived = Promise.withResolvers<void>();
      target.behaviour = () => arrived.resolve(); // never answered: its connection is cut with the process
      return arrived.promise;
    });
    await cluster.apply(source(3072), namespace);
    await Promise.all(stuck);
    two.process.kill('SIGSTOP');
    for (const target of targets) target.behaviour = undefined;
    await waitUntil({ what: 'the third leads', check: () => leads(three), timeoutMs: 30_000 });
    await isApplied(hashOf(3072));
    const before = targets.map(({ ledger }) => ledger.length);
    two.process.kill('SIGCONT');
    await waitUntil({ what: 'the second ended', check: () => two.process.exitCode !== null, timeoutMs: 20_000 });
    expect(two.process.exitCode).toBe(3);
    expect(targets.map(({ ledger }) => ledger.length)).toEqual(before);
    expect((await readLease(cluster, LEASE)).spec.leaseTransitions).toBe(2);

    await cluster.apply(source(4096), namespace);
    await isApplied(hashOf(4096));
    await three.stop();
    expect((await readLease(cluster, LEASE)).spec.holderIdentity).toBeUndefined();
    for (const { pod, applied } of targets) {
      expect(applied, pod).toEqual([1024, 2048, 3072, 4096].map(hashOf));
    }
  }, 110_000);
});
