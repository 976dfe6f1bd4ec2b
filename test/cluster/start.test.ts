import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { contentHash } from '../../src/core/content-hash.ts';
import { configText, waitForReload } from './config-reload.ts';
import { startController } from './controller-process.ts';
import { createEndpointTargets, TARGET_CIDR } from './endpoint-targets.ts';
import { useOwnControlPlane } from './use-cluster.ts';
import { waitUntil } from './wait-until.ts';

const COUNT = 12;

describe('a start', async () => {
  const cluster = await useOwnControlPlane({ audit: 'Metadata' });
  const { namespace } = cluster;
  await cluster.apply(await readFile(join(import.meta.dirname, '..', '..', 'deploy', 'crd.yaml'), 'utf8'));
  const start = () => startController(cluster.kubeconfig, '--allow-endpoint-cidr', TARGET_CIDR);
  const names = Array.from({ length: COUNT }, (_, index) => `source-${index}`);
  const source = (name: string, budget: number) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, annotations: { 'reload.leindex.io/enabled': 'true' } },
    data: { 'mcp_config.yaml': configText(budget) },
  });
  const hashOf = (budget: number) => contentHash(Buffer.from(configText(budget)));
  const isApplied = (name: string, budget: number) =>
    waitForReload(cluster, { namespace, name }, (status) => status.appliedHash === hashOf(budget));
  const calls = async () =>
    (
      await cluster.readAudit(
        ({ stage, userAgent }) => stage === 'ResponseComplete' && userAgent?.startsWith('leindex-reloader') === true,
      )
    )
      .filter(({ verb }) => verb !== 'watch')
      .map(({ verb, objectRef }) => `${verb} ${objectRef?.resource ?? ''} ${objectRef?.name ?? ''}`.trim());
  const looked = async (metrics: () => Promise<string>) =>
    Number(/^workqueue_work_duration_seconds_count (\d+)$/m.exec(await metrics())?.[1] ?? 0);

  test('F47: with nothing changed costs one list, triggers nothing, and still knows the state of each source; what did change is found', async () => {
    for (const name of names) await cluster.apply(source(name, 1024), namespace);
    const [target] = await createEndpointTargets(cluster, { namespace, configMap: 'source-0', count: 1 });
    const first = await start();
    for (const name of names) await isApplied(name, 1024);
    await waitUntil({ what: 'the target has it', check: () => target!.applied.length === 1 });
    await sleep(1_000);
    await first.stop();

    const before = (await calls()).length;
    const second = await start();
    await waitUntil({
      what: 'every source was looked at',
      check: async () => (await looked(() => second.metrics())) >= COUNT,
    });
    await sleep(1_000);
    // The `get` of no object is the look whether the CRD is there.
    expect((await calls()).slice(before).toSorted()).toEqual(['get', 'list configreloads']);
    expect(target!.ledger).toHaveLength(1);
    const metrics = await second.metrics();
    for (const name of names) {
      expect(metrics).toContain(
        `leindex_reloader_last_reload_successful{namespace="${namespace}",configmap="${name}"} 1`,
      );
    }
    await second.stop();

    // While nobody runs, two texts change.
    await cluster.apply(source('source-0', 2048), namespace);
    await cluster.apply(source('source-1', 2048), namespace);
    const third = await start();
    await isApplied('source-0', 2048);
    await isApplied('source-1', 2048);
    expect(target!.applied).toEqual([hashOf(1024), hashOf(2048)]);
    await third.stop();
    const touched = new Set((await calls()).slice(before).filter((call) => call.startsWith('get configmaps')));
    expect([...touched].toSorted()).toEqual(['get configmaps source-0', 'get configmaps source-1']);
  });
});
