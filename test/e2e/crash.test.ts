import { beforeAll, expect, inject, test } from 'vitest';
import { contentHash } from '../../src/core/content-hash.ts';
import type { ConfigReloadStatus } from '../../src/core/configreload.ts';
import { conditionOf, configText, waitForReload } from '../cluster/config-reload.ts';
import { type ControllerProcess, startControllerOf } from '../cluster/controller-process.ts';
import type { FaultProxy } from '../cluster/faults/fault-proxy.ts';
import {
  countWrites, isWriteOfReload, killAtWrite, killNoMore, phases, untilAtRest, writtenTooOften,
} from '../cluster/faults/kill-points.ts'; // prettier-ignore
import { startProxied } from '../cluster/faults/start-proxied.ts';
import { describeOnNode } from './describe-on-node.ts';
import { podOf, sourceOf } from './workloads.ts';

/** As docs/concepts.md counts them: the status twice, a revision, an event; nudge, exec, record and event of one target. */
const WRITES = 8;
const name = 'crash';

/** Sieve's crash test of the signal path, on a real kubelet: the process itself counts its signals. */
describeOnNode('killed at each write of a reload by signal', (node) => {
  let proxy: FaultProxy;
  let controller: ControllerProcess;
  let killed = Promise.withResolvers<void>();
  let round = 0;

  const start = async (): Promise<ControllerProcess> => {
    const provision = inject('node');
    if ('missing' in provision) throw new Error('there is no node');
    return startControllerOf(provision.program, proxy.kubeconfig, '--namespace', node.namespace);
  };
  const kill = async (): Promise<void> => {
    await controller.kill('SIGKILL');
    killed.resolve();
  };
  /** What the process did since it began: at each signal, the hash of its file. */
  const signals = async (): Promise<string[]> => {
    const log = await node.core.readNamespacedPodLog({ namespace: node.namespace, name });
    return log.split('\n').filter((line) => line.startsWith('HUP '));
  };
  const until = (text: string): Promise<ConfigReloadStatus> =>
    waitForReload(
      node,
      { namespace: node.namespace, name },
      (status) => status.appliedHash === contentHash(text) && conditionOf(status, 'Progressing') === 'False Done',
      60_000,
    );
  beforeAll(async () => {
    proxy = await startProxied(node, [node.namespace], ['core', 'signal']);
    controller = await start();
    await node.apply(podOf(name, { configMap: name }) as never, node.namespace);
    await node.apply(sourceOf(name, configText(2048)) as never, node.namespace);
    await node.waitForPod(name);
    await until(configText(2048));
  });

  /** One reload, disturbed; what it left, without what differs each time, and what it took. */
  async function reloadOnce(disturb: () => void) {
    await untilAtRest(proxy);
    const text = configText(4096 + 64 * round++);
    const ledger = (await signals()).length;
    const first = proxy.calls.length;
    disturb();
    await node.apply(sourceOf(name, text) as never, node.namespace);
    const wasKilled = await Promise.race([
      killed.promise.then(() => true),
      until(text)
        .then(() => untilAtRest(proxy))
        .then(() => false),
    ]);
    killNoMore(proxy);
    killed = Promise.withResolvers();
    if (wasKilled) controller = await start();
    const status = await until(text);
    await untilAtRest(proxy);
    const pod = await node.core.readNamespacedPod({ namespace: node.namespace, name });
    const record = Object.entries(pod.metadata?.annotations ?? {}).find(([key]) => key.includes('/applied.'))?.[1];
    const entries = status.history.filter(({ newHash }) => newHash === contentHash(text));
    return {
      calls: proxy.calls.slice(first),
      wasKilled,
      signals: (await signals())
        .slice(ledger)
        .map((line) => line === `HUP ${contentHash(text).slice('sha256:'.length)}`),
      left: {
        isRecorded: record?.startsWith(contentHash(text)),
        conditions: status.conditions.map(({ type, status: is, reason }) => `${type} ${is} ${reason}`),
        entries: entries.map(({ result, reason, targets }) => ({ result, reason, targets })),
        hasRevision: entries.map(({ revision }) => revision === status.appliedRevision),
        isLastKnownGood: status.lastKnownGood.hash === contentHash(text),
        restarts: pod.status?.containerStatuses?.map(({ restartCount }) => restartCount),
      },
    };
  }

  test('leaves what an undisturbed one leaves, and signals twice at most, never with another text', async () => {
    const undisturbed = await reloadOnce(() => undefined);
    const writes = undisturbed.calls.filter(isWriteOfReload);
    const usual = countWrites(undisturbed.calls, name);
    console.log([...usual].map(([object, count]) => `${count} ${object}`).join('\n'));
    expect(writes).toHaveLength(WRITES);
    expect(undisturbed.signals).toEqual([true]);
    expect(undisturbed.left).toMatchObject({ isRecorded: true, isLastKnownGood: true, restarts: [0] });

    const wrong: object[] = [];
    let kills = 0;
    for (let nth = 1; nth <= WRITES; nth++) {
      for (const phase of phases) {
        const {
          left,
          calls,
          signals: seen,
          wasKilled,
        } = await reloadOnce(() => killAtWrite(proxy, kill, { nth, phase }));
        if (wasKilled) kills += 1;
        try {
          expect(left).toEqual(undisturbed.left);
          expect(seen.length).toBeGreaterThanOrEqual(1);
          expect(seen.length).toBeLessThanOrEqual(2);
          expect(seen).not.toContain(false);
          expect(writtenTooOften(countWrites(calls, name), usual)).toEqual([]);
        } catch (error) {
          const asked = calls.filter(isWriteOfReload).map(({ method, path }) => `${method} ${path}`);
          wrong.push({ what: `write ${nth} ${phase}`, error: (error as Error).message.slice(0, 1000), asked });
        }
      }
    }
    console.log(`${kills} kills in ${WRITES * phases.length} cases`);
    expect(wrong).toEqual([]);
    // Exec and nudge go out at once, and so do the events: the last of them is now and then not reached.
    expect(kills).toBeGreaterThanOrEqual(WRITES * phases.length - 3);
  }, 900_000);
});
