import { CoordinationV1Api } from '@kubernetes/client-node';
import { beforeAll, describe, expect, test } from 'vitest';
import { contentHash } from '../../src/core/content-hash.ts';
import type { ConfigReloadStatus } from '../../src/core/configreload.ts';
import { conditionOf, configText } from './config-reload.ts';
import { type ControllerProcess, startController } from './controller-process.ts';
import { createEndpointTargets, type EndpointTarget, TARGET_CIDR } from './endpoint-targets.ts';
import type { FaultProxy } from './faults/fault-proxy.ts';
import { SourceUser } from './faults/source-user.ts';
import { startProxied } from './faults/start-proxied.ts';
import { useCluster } from './use-cluster.ts';
import { waitUntil } from './wait-until.ts';

const COUNT = 5;
const LEASE = 'leindex-reloader';
const policy = { canary: '1', 'batch-size': '2', 'on-failure': 'rollback', timeout: '2s' };
const before = configText(2048);
const good = configText(4096);
/** Valid, but refused by the fourth target. */
const bad = configText(6144);
const names: Record<string, string> = {
  [contentHash(before)]: 'before',
  [contentHash(good)]: 'good',
  [contentHash(bad)]: 'bad',
};

/** Where in a rollout the leader is ended: with the request that a target gets, or with what has come about since. */
interface Phase {
  readonly name: string;
  readonly text: string;
  /** With the first such request; it is carried out, and its answer is lost where the leader dies of SIGKILL. */
  readonly onRequest?: (target: number, trigger: string) => boolean;
  /** With the first status that is about to be written while this is so. */
  readonly onStatus?: (targets: readonly EndpointTarget[]) => boolean;
  /** As soon as the canary is recorded on its pod: the soak time has begun. */
  readonly onSoak?: true;
}

const runs = (hash: string) => (target: EndpointTarget) => target.running === contentHash(hash);
const phases: readonly Phase[] = [
  { name: 'canary sent', text: good, onRequest: (target) => target === 0 },
  { name: 'soaking', text: good, onSoak: true },
  { name: 'first wave', text: good, onRequest: (target) => target === 1 },
  { name: 'second wave', text: good, onRequest: (target) => target === 3 },
  { name: 'last target', text: good, onRequest: (target) => target === COUNT - 1 },
  { name: 'recording', text: good, onStatus: (targets) => targets.every(runs(good)) },
  { name: 'refused', text: bad, onRequest: (target) => target === 3 },
  { name: 'halting', text: bad, onStatus: (targets) => targets.slice(0, 3).every(runs(bad)) },
  { name: 'rolling back', text: bad, onRequest: (target, trigger) => target === 1 && trigger === 'rollback' },
  { name: 'recording the rollback', text: bad, onStatus: (targets) => targets[0]!.applied.length === 3 && targets.every(runs(before)) },
]; // prettier-ignore

describe('the leader is ended in the middle of a rollout', async () => {
  const cluster = await useCluster();
  const { namespace } = cluster;
  const user = new SourceUser(cluster, namespace);
  const leases = cluster.kubeConfig.makeApiClient(CoordinationV1Api);
  let proxy: FaultProxy;
  let leader: ControllerProcess;
  let follower: ControllerProcess;
  let round = 0;

  const start = () =>
    startController(
      proxy.kubeconfig,
      ...['--namespace', namespace, '--allow-endpoint-cidr', TARGET_CIDR, '--soak', '500ms'],
      ...['--leader-elect', '--leader-elect-namespace', namespace],
    );
  beforeAll(async () => {
    proxy = await startProxied(cluster);
    leader = await start();
    await waitUntil({ what: 'the first one leads', check: async () => (await holder()) !== '' });
    follower = await start();
  });

  async function holder(): Promise<string> {
    const lease = await leases.readNamespacedLease({ namespace, name: LEASE }).catch(() => undefined);
    return lease?.spec?.holderIdentity ?? '';
  }

  /** The second one takes over, and has a second one itself. The Lease of one that was killed runs out at once: it is deleted. */
  async function takeOver(signal: NodeJS.Signals): Promise<void> {
    const last = await holder();
    await leader.kill(signal);
    if (signal === 'SIGKILL') await leases.deleteNamespacedLease({ namespace, name: LEASE });
    // Only then is there a third one: it could lead first, and its Lease be taken from it while it lives.
    await waitUntil({ what: 'the second one leads', check: async () => !['', last].includes(await holder()) });
    leader = follower;
    follower = await start();
  }

  const isDone = (status: ConfigReloadStatus, text: string): boolean =>
    conditionOf(status, 'Progressing') === (text === bad ? 'False RolledBack' : 'False Done') &&
    status.observedHash === contentHash(text) &&
    status.podsReady === `${COUNT}/${COUNT}`;

  /** One rollout, and what is left of it, without names, times and ids. `end` is called in the phase, once. */
  async function rollOut({ text, onRequest, onStatus, onSoak }: Omit<Phase, 'name'>, end?: () => Promise<void>) {
    const name = `rollout-${round++}`;
    const targets = await createEndpointTargets(cluster, { namespace, configMap: name, count: COUNT, prefix: name });
    await user.apply(name, before, policy);
    await user.untilApplied(name, before);
    let ended: Promise<void> | undefined;
    const once = () => (ended ??= end?.() ?? Promise.resolve());
    for (const [index, target] of targets.entries()) {
      target.behaviour = (request, response, body) => {
        const { hash, trigger } = JSON.parse(body) as { hash: string; trigger: string };
        const carryOut = () => {
          if (index === 3 && hash === contentHash(bad)) response.writeHead(400).end();
          else target.answer(request, response, body);
        };
        const isNow =
          !ended && hash !== contentHash(before)
            ? onRequest?.(index, trigger)
            : trigger === 'rollback' && !ended && onRequest?.(index, trigger);
        if (isNow === true) void once().then(carryOut);
        else carryOut();
      };
    }
    proxy.before = async ({ method, path }) => {
      const isStatus = method === 'PUT' && path.endsWith(`/${name}/status`);
      if (isStatus && !ended && onStatus?.(targets) === true) await once();
      const isRecord = method === 'PATCH' && path.endsWith(`/${name}-0/status`);
      if (isRecord && !ended && onSoak && targets[0]!.running === contentHash(text)) setTimeout(() => void once(), 100);
    };
    await user.apply(name, text, policy);
    const status = await user.until(name, (one) => isDone(one, text));
    proxy.before = undefined;
    return {
      hasEnded: ended !== undefined,
      deliveries: targets.map(({ ledger }) => ledger.length),
      left: {
        applied: targets.map(({ applied }) => applied.map((hash) => names[hash]).join()),
        history: status.history.map(({ reason, newHash, revision, targets: counts }) => [
          reason,
          names[newHash],
          revision,
          counts,
        ]),
        conditions: status.conditions.map(({ type, status: is, reason }) => `${type} ${is} ${reason}`),
        counts: [status.targets, status.podsReady, status.stats.totalReloads, status.stats.failedReloads],
        applying: [status.appliedHash, status.appliedRevision, status.lastKnownGood.hash, status.doubt],
        pods: status.pods.map(({ result, hash }) => [result, names[hash]]),
      },
    };
  }

  const undisturbed = new Map<string, Awaited<ReturnType<typeof rollOut>>>();
  test('undisturbed, it ends with the new text, or with the old one where it is refused', async () => {
    for (const text of [good, bad]) undisturbed.set(text, await rollOut({ text }));
    expect(undisturbed.get(good)!.left.applied).toEqual(Array.from({ length: COUNT }, () => 'before,good'));
    const back = 'before,bad,before';
    expect(undisturbed.get(bad)!.left.applied).toEqual([back, back, back, 'before', back]);
  });

  describe.each(['SIGKILL', 'SIGTERM'] as const)('by %s', (signal) => {
    test.each(phases)('$name: another one goes on, and the end is the same', async ({ name: _name, ...phase }) => {
      let takenOver: Promise<void> | undefined;
      const { hasEnded, left, deliveries } = await rollOut(phase, async () => {
        const { process: dying } = leader;
        takenOver = takeOver(signal);
        if (signal === 'SIGKILL')
          await waitUntil({ what: 'it is dead', everyMs: 5, check: () => dying.signalCode !== null });
      });
      expect(hasEnded).toBe(true);
      await takenOver;
      const expected = undisturbed.get(phase.text)!;
      expect(left).toEqual(expected.left);
      // Told again is only who was being told, or soaking, when it happened.
      const more = deliveries.map((count, index) => count - expected.deliveries[index]!);
      expect(Math.max(...more)).toBeLessThanOrEqual(2);
      expect(Math.min(...more)).toBeGreaterThanOrEqual(-1);
    });
  });
});
