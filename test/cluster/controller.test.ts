import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { contentHash } from '../../src/core/content-hash.ts';
import { checkDeliveries } from '../history/check-deliveries.ts';
import { conditionOf, configText, waitForReload } from './config-reload.ts';
import { startController } from './controller-process.ts';
import { createEndpointTargets, type EndpointTarget, TARGET_CIDR } from './endpoint-targets.ts';
import type { FaultProxy } from './faults/fault-proxy.ts';
import { startProxied } from './faults/start-proxied.ts';
import { useCluster } from './use-cluster.ts';

const SILENT_MS = 3_000;

/** What people do to a source, and the end it must come to; after each the controller is silent. */
describe('the controller comes to the right end, and then to rest', async () => {
  const cluster = await useCluster();
  const { namespace } = cluster;
  let proxy: FaultProxy;
  let count = 0;
  /** Told by each test, looked at after it. */
  let run: { targets: readonly EndpointTarget[]; texts: readonly string[] };

  beforeAll(async () => {
    proxy = await startProxied(cluster);
    await startController(proxy.kubeconfig, '--namespace', namespace, '--allow-endpoint-cidr', TARGET_CIDR);
  });
  afterEach(async () => {
    await quiet();
    const from = proxy.calls.length;
    await sleep(SILENT_MS);
    const writes = proxy.calls.slice(from).filter(({ isWrite, path }) => isWrite && !path.includes('/leases'));
    const violations = checkDeliveries({
      texts: run.texts.map((text) => ({ hash: contentHash(text), isValid: text.startsWith('version') })),
      ledgers: Object.fromEntries(run.targets.map(({ pod, ledger }) => [pod, ledger])),
      writesAtRest: writes.map(({ method, path }) => `${method} ${path}`),
    });
    expect(violations).toEqual([]);
  });

  /** Until there was no call for half a second. */
  async function quiet(): Promise<void> {
    for (let look = 0; look < 40; look++) {
      const before = proxy.calls.length;
      await sleep(500);
      if (proxy.calls.length === before) return;
    }
    throw new Error('the controller does not come to rest');
  }

  async function apply(name: string, text: string, annotations: Record<string, string> = {}): Promise<void> {
    const metadata = { name, annotations: { 'reload.leindex.io/enabled': 'true', ...annotations } };
    await cluster.apply(
      { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { 'mcp.yaml': text } } as never,
      namespace,
    );
  }
  const until = (name: string, type: string, state: string) =>
    waitForReload(cluster, { namespace, name }, (status) => conditionOf(status, type) === state);
  const untilApplied = (name: string, text: string) =>
    waitForReload(
      cluster,
      { namespace, name },
      (status) => status.appliedHash === contentHash(text) && conditionOf(status, 'Progressing').startsWith('False'),
    );
  /** A source whose first text is applied to two targets. */
  async function settledSource(): Promise<string> {
    const name = `source-${count++}`;
    const targets = await createEndpointTargets(cluster, { namespace, configMap: name, count: 2, prefix: name });
    await apply(name, one);
    await untilApplied(name, one);
    run = { targets, texts: [one] };
    return name;
  }
  const [one, two, bad] = [configText(2048), configText(4096), 'memory: ['];

  test('an edit', async () => {
    const name = await settledSource();
    run = { ...run, texts: [one, two] };
    await apply(name, two);
    await untilApplied(name, two);
  });

  test('an invalid text is refused, a good one taken after it', async () => {
    const name = await settledSource();
    run = { ...run, texts: [one, bad, two] };
    await apply(name, bad);
    expect((await until(name, 'Valid', 'False ValidationFailed')).appliedHash).toBe(contentHash(one));
    await apply(name, two);
    await untilApplied(name, two);
  });

  test('an annotation that cannot be read stops everything', async () => {
    const name = await settledSource();
    await apply(name, two, { 'reload.leindex.io/timeout': 'soon' });
    expect((await until(name, 'Valid', 'False InvalidAnnotation')).appliedHash).toBe(contentHash(one));
  });

  test('a source that names a missing key stops', async () => {
    const name = await settledSource();
    await apply(name, two, { 'reload.leindex.io/key': 'other.yaml' });
    await until(name, 'Valid', 'False KeyMissing');
  });

  test('one that opted out is left alone', async () => {
    const name = await settledSource();
    await apply(name, two, { 'reload.leindex.io/enabled': 'false' });
  });

  test('one that is deleted and made again is another one, with the same history', async () => {
    const name = await settledSource();
    run = { ...run, texts: [one, two] };
    await cluster.core.deleteNamespacedConfigMap({ namespace, name });
    await apply(name, two);
    const status = await untilApplied(name, two);
    expect(status.history.map(({ newHash }) => newHash)).toEqual([two, one].map(contentHash));
    expect(status.lastKnownGood.hash).toBe(contentHash(two));
  });

  test('a status forged by a user starts no reload, and the next edit goes through', async () => {
    const name = await settledSource();
    run = { ...run, texts: [one, two] };
    await cluster.custom.patchNamespacedCustomObjectStatus({
      group: 'reload.leindex.io',
      version: 'v1alpha1',
      namespace,
      plural: 'configreloads',
      name,
      body: [
        { op: 'replace', path: '/status/desiredHash', value: contentHash('forged') },
        { op: 'replace', path: '/status/appliedHash', value: contentHash('forged') },
      ],
    });
    await apply(name, two);
    await untilApplied(name, two);
  });

  test('many edits in a row: the newest is what runs', async () => {
    const name = await settledSource();
    const texts = Array.from({ length: 20 }, (_, index) => configText(3000 + index * 4));
    run = { ...run, texts: [one, ...texts] };
    for (const text of texts) await apply(name, text);
    await untilApplied(name, texts.at(-1)!);
  });

  test('paused: nothing is reloaded until it is resumed', async () => {
    const name = await settledSource();
    await apply(name, two, { 'reload.leindex.io/paused': 'true' });
    expect((await until(name, 'Progressing', 'False Paused')).appliedHash).toBe(contentHash(one));
    await quiet();
    expect(run.targets.map(({ ledger }) => ledger.length)).toEqual([1, 1]);
    run = { ...run, texts: [one, two] };
    await apply(name, two);
    await untilApplied(name, two);
  });

  test('a dry run says what it would do, and does nothing', async () => {
    const name = await settledSource();
    await apply(name, two, { 'reload.leindex.io/dry-run': 'true' });
    const status = await until(name, 'Progressing', 'False DryRun');
    expect(status.conditions.find(({ type }) => type === 'Progressing')?.message).toContain(
      '2 targets would be reloaded',
    );
    expect(status.appliedHash).toBe(contentHash(one));
  });

  test('requested-at: the present text once more, once for each request', async () => {
    const name = await settledSource();
    const { targets } = run;
    for (const request of ['a', 'b']) {
      await apply(name, one, { 'reload.leindex.io/requested-at': request });
      await waitForReload(cluster, { namespace, name }, ({ observedRequest, history }) => observedRequest === request && history[0]?.trigger === 'requested'); // prettier-ignore
      await untilApplied(name, one);
      await quiet();
    }
    expect(targets.map(({ ledger }) => ledger.map(({ trigger }) => trigger))).toEqual(
      Array(2).fill(['configmap', 'requested', 'requested']),
    );
    // Asked for, a text is applied again: what is checked after each test does not hold for it.
    run = { targets: [], texts: [one] };
  });

  test('pods come and go: each that is there in the end runs the text, and what it got before does not come again', async () => {
    const name = await settledSource();
    run = { ...run, texts: [one, two] };
    await apply(name, two);
    const [gone, stays] = run.targets as [EndpointTarget, EndpointTarget];
    await cluster.core.deleteNamespacedPod({ namespace, name: gone.pod, gracePeriodSeconds: 0 });
    const late = await createEndpointTargets(cluster, { namespace, configMap: name, count: 3, prefix: `${name}-late` });
    await waitForReload(cluster, { namespace, name }, ({ podsReady, appliedHash }) => podsReady === '4/4' && appliedHash === contentHash(two)); // prettier-ignore
    run = { ...run, targets: [stays, ...late] };
  });

  test('two sources on one pod: both texts reach it, each once, and their records do not mix', async () => {
    const [a, b] = [`source-${count++}`, `source-${count++}`];
    const targets = await createEndpointTargets(cluster, { namespace, configMap: a, others: [b], count: 2, prefix: a });
    await apply(a, one);
    await untilApplied(a, one);
    await apply(b, two);
    await untilApplied(b, two);
    await quiet();
    expect(targets.map(({ applied }) => applied)).toEqual(Array(2).fill([one, two].map(contentHash)));
    const pod = await cluster.core.readNamespacedPod({ namespace, name: targets[0]!.pod });
    const records = Object.entries(pod.metadata!.annotations!).filter(([key]) => key.includes('/applied.'));
    expect(records.map(([, value]) => value.split(' ')[0]).toSorted()).toEqual([one, two].map(contentHash).toSorted());
    run = { targets, texts: [one, two] };
  });

  test('a storm of ConfigMaps of others costs no call, and delays nobody', async () => {
    const name = await settledSource();
    run = { ...run, texts: [one, two] };
    await quiet();
    const from = proxy.calls.length;
    const body = (index: number) => ({ metadata: { name: `foreign-${index % 20}` }, data: { n: String(index) } });
    for (let index = 0; index < 20; index++)
      await cluster.core.createNamespacedConfigMap({ namespace, body: body(index) });
    for (let second = 0; second < 3; second++) {
      await Promise.all(Array.from({ length: 100 }, (_, index) => cluster.core.replaceNamespacedConfigMap({ namespace, name: `foreign-${index % 20}`, body: body(100 * second + index) }))); // prettier-ignore
    }
    expect(proxy.calls.slice(from).filter(({ isWatch }) => !isWatch)).toEqual([]);
    await apply(name, two);
    await untilApplied(name, two);
  });
});
