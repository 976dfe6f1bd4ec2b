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
});
