import { describe, expect, test } from 'vitest';
import { contentHash } from '../../../src/core/content-hash.ts';
import type { ConfigReloadStatus } from '../../../src/core/configreload.ts';
import { configText, waitForReload } from '../config-reload.ts';
import { createEndpointTargets, type EndpointTarget } from '../endpoint-targets.ts';
import { useCluster } from '../use-cluster.ts';
import type { Call } from './fault-proxy.ts';
import {
  countWrites, isOfReload, isWriteOfReload, killAtRead, killAtWrite, killNoMore, phases, untilAtRest, writtenTooOften,
} from './kill-points.ts'; // prettier-ignore
import { useProxiedController } from './proxied-controller.ts';
import { SourceUser } from './source-user.ts';

const before = configText(2048);
const after = configText(4096);
const TARGETS = 2;

/** Sieve's crash test: SIGKILL at each call of one reload, and what is there in the end must be what an undisturbed run leaves. */
describe('killed at each API call of a reload', async () => {
  const cluster = await useCluster();
  const { namespace } = cluster;
  const user = new SourceUser(cluster, namespace);
  const controller = useProxiedController(cluster);
  let round = 0;

  const isDone = (status: ConfigReloadStatus) =>
    status.appliedHash === contentHash(after) &&
    status.podsReady === `${TARGETS}/${TARGETS}` &&
    status.conditions.every(({ type, status: is }) => is === (type === 'Progressing' ? 'False' : 'True'));

  /** What is left of a reload, without names, times and ids. */
  async function leftovers(
    name: string,
    targets: readonly EndpointTarget[],
    status: ConfigReloadStatus,
  ): Promise<object> {
    const pods = await Promise.all(targets.map(({ pod }) => cluster.core.readNamespacedPod({ namespace, name: pod })));
    const revisions = await cluster.apps.listNamespacedControllerRevision({
      namespace,
      labelSelector: `reload.leindex.io/source=${name}`,
    });
    return {
      applied: targets.map(({ applied }) => applied),
      records: pods.map((pod) =>
        Object.entries(pod.metadata!.annotations!)
          .filter(([key]) => key.includes('/applied.'))
          .map(([, value]) => value.split(' ')[0]),
      ),
      revisions: revisions.items.map(({ revision }) => revision).sort(),
      conditions: status.conditions.map(({ type, status: is, reason }) => `${type} ${is} ${reason}`),
      history: status.history.map(({ result, reason, newHash, oldHash, revision, targets: counts }) => ({
        result,
        reason,
        newHash,
        oldHash,
        revision,
        counts,
      })),
      stats: [status.stats.totalReloads, status.stats.successfulReloads, status.stats.failedReloads],
      lastKnownGood: [status.lastKnownGood.hash, status.lastKnownGood.revision],
      targets: status.targets,
      pods: status.pods.map(({ result, hash }) => [result, hash]),
    };
  }

  /** One reload of fresh targets, disturbed by `disturb`; what it left, and the calls it took. */
  async function reloadOnce(
    disturb: () => void,
  ): Promise<{ left: object; calls: readonly Call[]; counts: ReadonlyMap<string, number>; hadToRestart: boolean }> {
    const name = `crash-${round++}`;
    const targets = await createEndpointTargets(cluster, { namespace, configMap: name, count: TARGETS, prefix: name });
    await user.apply(name, before);
    await waitForReload(
      cluster,
      { namespace, name },
      (status) => status.podsReady === `${TARGETS}/${TARGETS}` && status.appliedHash === contentHash(before),
    );
    await untilAtRest(controller.proxy);
    const first = controller.proxy.calls.length;
    disturb();
    await user.apply(name, after);
    const hadToRestart = await Promise.race([
      killed.promise.then(() => true),
      waitForReload(cluster, { namespace, name }, isDone)
        .then(() => untilAtRest(controller.proxy))
        .then(() => false),
    ]);
    if (hadToRestart) {
      quiet();
      await controller.start();
    }
    const status = await waitForReload(cluster, { namespace, name }, isDone);
    await untilAtRest(controller.proxy);
    const calls = controller.proxy.calls.slice(first);
    return { left: await leftovers(name, targets, status), calls, counts: countWrites(calls, name), hadToRestart };
  }

  let killed = Promise.withResolvers<void>();
  function quiet(): void {
    killed = Promise.withResolvers();
    killNoMore(controller.proxy);
  }
  async function kill(): Promise<void> {
    await controller.running.kill('SIGKILL');
    killed.resolve();
  }

  test('leaves what an undisturbed reload leaves', async () => {
    const undisturbed = await reloadOnce(() => undefined);
    const writes = undisturbed.calls.filter(isWriteOfReload);
    const reads = undisturbed.calls.filter((call) => !call.isWrite && isOfReload(call));
    console.log(
      `one reload of ${TARGETS} endpoint targets: ${writes.length} writes, ${reads.length} reads\n${[...writes, ...reads].map(({ method, path }) => `  ${method} ${path.replace(/.*namespaces\/[^/]+/, '')}`).join('\n')}`,
    );
    // As docs/concepts.md counts: the status once, a revision and an event; for each target its record and an event.
    expect(writes.length).toBe(3 + 2 * TARGETS);
    expect(undisturbed.left).toMatchObject({
      applied: Array.from({ length: TARGETS }, () => [contentHash(before), contentHash(after)]),
    });

    const wrong: object[] = [];
    let kills = 0;
    const cases = [
      ...writes.flatMap((_, index) =>
        phases.map((phase) => ({
          what: `write ${index + 1} ${phase}`,
          disturb: () => killAtWrite(controller.proxy, kill, { nth: index + 1, phase }),
        })),
      ),
      ...reads.map((_, index) => ({
        what: `read ${index + 1}`,
        disturb: () => killAtRead(controller.proxy, kill, index + 1),
      })),
    ];
    for (const { what, disturb } of cases) {
      const { left, calls, counts, hadToRestart } = await reloadOnce(disturb);
      quiet();
      if (hadToRestart) kills += 1;
      try {
        expect(left).toEqual(undisturbed.left);
        expect(writtenTooOften(counts, undisturbed.counts)).toEqual([]);
      } catch (error) {
        wrong.push({
          what,
          error: (error as Error).message.slice(0, 2000),
          writes: calls
            .filter(isWriteOfReload)
            .map(({ method, path }) => `${method} ${path.replace(/.*namespaces\/[^/]+/, '')}`),
        });
      }
    }
    console.log(`${kills} kills in ${cases.length} cases`);
    expect(wrong).toEqual([]);
    // Parallel writes can swap places, so that the last one is now and then not reached; nearly all must have been.
    expect(kills).toBeGreaterThanOrEqual(cases.length - 3);
  }, 600_000);
});
