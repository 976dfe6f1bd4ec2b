import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { contentHash } from '../../src/core/content-hash.ts';
import { conditionOf, configText, readReload, waitForReload } from './config-reload.ts';
import { startController } from './controller-process.ts';
import { createEndpointTargets, TARGET_CIDR } from './endpoint-targets.ts';
import { useCluster } from './use-cluster.ts';

describe('a rollout in steps', async () => {
  const cluster = await useCluster();
  const { namespace } = cluster;

  beforeAll(async () => {
    await cluster.apply(readFileSync(new URL('../../deploy/crd.yaml', import.meta.url), 'utf8'));
    await startController(
      cluster.kubeconfig,
      '--namespace',
      namespace,
      '--allow-endpoint-cidr',
      TARGET_CIDR,
      '--soak',
      '300ms',
    );
  });

  async function apply(name: string, text: string, annotations: Record<string, string> = {}): Promise<string> {
    const prefixed = Object.entries({ enabled: 'true', ...annotations }).map(([key, value]) => [
      `reload.leindex.io/${key}`,
      value,
    ]);
    const metadata = { name, annotations: Object.fromEntries(prefixed) as Record<string, string> };
    await cluster.apply(
      { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { 'mcp.yaml': text } } as never,
      namespace,
    );
    return contentHash(text);
  }
  const applied = (name: string, hash: string) =>
    waitForReload(
      cluster,
      { namespace, name },
      (status) => status.appliedHash === hash && conditionOf(status, 'Reloaded').startsWith('True'),
    );

  test('goes canary first, then wave after wave', async () => {
    const targets = await createEndpointTargets(cluster, { namespace, configMap: 'waves', count: 6, prefix: 'waves' });
    await applied('waves', await apply('waves', configText(2048), { canary: '1', 'batch-size': '2' }));
    const hash = await apply('waves', configText(4096), { canary: '1', 'batch-size': '2' });
    const status = await applied('waves', hash);
    expect(status).toMatchObject({ podsReady: '6/6', appliedRevision: 2, lastKnownGood: { revision: 2, hash } });
    expect(status.history[0]).toMatchObject({
      result: 'success',
      changes: expect.arrayContaining([{ path: 'memory.total_budget_mb', from: 2048, to: 4096 }]),
    });
    expect(targets.map(({ applied: all }) => all.length)).toEqual([2, 2, 2, 2, 2, 2]);
    const times = targets.map(
      ({ ledger }) => ledger.find((delivery) => delivery.hash === hash && delivery.wasApplied)!.at,
    );
    const order = targets.map((_, index) => index).sort((a, b) => times[a]! - times[b]!);
    expect(order[0]).toBe(0);
    expect(order.slice(1, 3).sort()).toEqual([1, 2]);
    expect(order.slice(3, 5).sort()).toEqual([3, 4]);
  });

  test('halts at the first failure, and goes on with a corrected text', async () => {
    const targets = await createEndpointTargets(cluster, { namespace, configMap: 'halts', count: 5, prefix: 'halts' });
    await applied('halts', await apply('halts', configText(2048), { canary: '1', timeout: '1s' }));
    targets[0]!.behaviour = (_request, response) => response.writeHead(401).end();
    await apply('halts', configText(4096), { canary: '1', timeout: '1s' });
    const halted = await waitForReload(
      cluster,
      { namespace, name: 'halts' },
      (status) => conditionOf(status, 'Progressing') === 'False RolloutHalted',
    );
    expect(halted).toMatchObject({ appliedRevision: 1, targets: { total: 5, reloaded: 0, failed: 1, pending: 4 } });
    expect(halted.pods[0]).toMatchObject({ name: 'halts-0', reason: 'EndpointUnauthorized' });
    expect(targets.slice(1).map(({ applied: all }) => all.length)).toEqual([1, 1, 1, 1]);
    targets[0]!.behaviour = undefined;
    const hash = await apply('halts', configText(5120), { canary: '1', timeout: '1s' });
    expect(await applied('halts', hash)).toMatchObject({ podsReady: '5/5', appliedRevision: 3 });
  });

  test('goes back when a canary fails, and does not try that text again', async () => {
    const targets = await createEndpointTargets(cluster, { namespace, configMap: 'back', count: 4, prefix: 'back' });
    const policy = { 'batch-size': '2', 'on-failure': 'rollback', timeout: '1s' };
    const good = await apply('back', configText(2048), policy);
    await applied('back', good);
    targets[3]!.behaviour = (_request, response) => response.writeHead(400).end();
    const bad = await apply('back', configText(4096), policy);
    const status = await waitForReload(
      cluster,
      { namespace, name: 'back' },
      (one) => conditionOf(one, 'Reloaded') === 'False RolledBack',
    );
    expect(status).toMatchObject({
      observedHash: bad,
      appliedHash: good,
      appliedRevision: 1,
      rollback: { fromHash: bad, toRevision: 1 },
    });
    expect(status.history.slice(0, 2)).toMatchObject([
      { trigger: 'rollback', result: 'success', reason: 'RolledBack', newHash: good },
      { result: 'io_error', newHash: bad, revision: 2 },
    ]);
    expect(targets.map(({ applied: all }) => all.map((hash) => (hash === good ? 'good' : 'bad')).join())).toEqual([
      'good,bad,good', 'good,bad,good', 'good,bad,good', 'good',
    ]); // prettier-ignore
    targets[3]!.behaviour = undefined;
    // Pods come and go: nobody is given the text that was rolled back.
    const [late] = await createEndpointTargets(cluster, { namespace, configMap: 'back', count: 1, prefix: 'late' });
    await waitForReload(cluster, { namespace, name: 'back' }, (one) => one.podsReady === '5/5');
    expect(late!.applied).toEqual([good]);
    // Asked for, it is.
    await apply('back', configText(4096), { ...policy, 'requested-at': 'now' });
    expect(await applied('back', bad)).toMatchObject({ podsReady: '5/5', appliedRevision: 2 });
  });

  test('rollback-to runs an earlier revision until the text changes', async () => {
    const [target] = await createEndpointTargets(cluster, { namespace, configMap: 'asked', count: 1, prefix: 'asked' });
    const one = await apply('asked', configText(2048));
    await applied('asked', one);
    const two = await apply('asked', configText(4096));
    await applied('asked', two);
    await apply('asked', configText(4096), { 'rollback-to': 'previous' });
    const back = await waitForReload(cluster, { namespace, name: 'asked' }, (status) => status.appliedHash === one);
    expect(back).toMatchObject({ appliedRevision: 1, observedHash: two });
    expect(conditionOf(back, 'Reloaded')).toBe('True RolledBack');
    expect(back.history[0]).toMatchObject({ trigger: 'rollback', reason: 'RolledBack', revision: 1 });
    const three = await apply('asked', configText(5120), { 'rollback-to': 'previous' });
    expect(await applied('asked', three)).toMatchObject({ appliedRevision: 3 });
    expect(target!.applied).toEqual([one, two, one, three]);
    await apply('asked', configText(5120), { 'rollback-to': '99' });
    const held = await waitForReload(
      cluster,
      { namespace, name: 'asked' },
      (status) => conditionOf(status, 'Reloaded') === 'False RollbackImpossible',
    );
    expect(held.appliedHash).toBe(three);
  });

  test('comments and order disturb nobody; requested-at does', async () => {
    const [target] = await createEndpointTargets(cluster, { namespace, configMap: 'same', count: 1, prefix: 'same' });
    const one = await apply('same', configText(2048));
    await applied('same', one);
    const two = await apply('same', `# a comment\n${configText(2048)}`);
    const status = await applied('same', two);
    expect(status.history[0]).toMatchObject({ reason: 'NothingToReload', revision: 2, changes: [] });
    expect(target!.applied).toEqual([one]);
    await apply('same', `# a comment\n${configText(2048)}`, { 'requested-at': '1' });
    await waitForReload(cluster, { namespace, name: 'same' }, ({ history }) => history[0]?.trigger === 'requested');
    expect(target!.applied).toEqual([one, two]);
  });

  test('publish-to: pods mount the copy, and only valid text ever gets there', async () => {
    const [target] = await createEndpointTargets(cluster, { namespace, configMap: 'live', count: 1, prefix: 'live' });
    const one = await apply('draft', configText(2048), { 'publish-to': 'live' });
    await applied('draft', one);
    await apply('draft', 'memory: nonsense', { 'publish-to': 'live' });
    await waitForReload(
      cluster,
      { namespace, name: 'draft' },
      (status) => conditionOf(status, 'Valid') === 'False ValidationFailed',
    );
    const live = await cluster.core.readNamespacedConfigMap({ namespace, name: 'live' });
    expect(live.data).toEqual({ 'mcp.yaml': configText(2048) });
    expect(target!.applied).toEqual([one]);
  });

  test('publish-to leaves a ConfigMap of somebody else alone', async () => {
    await cluster.core.createNamespacedConfigMap({
      namespace,
      body: { metadata: { name: 'theirs' }, data: { a: 'b' } },
    });
    await apply('mine', configText(2048), { 'publish-to': 'theirs' });
    await waitForReload(
      cluster,
      { namespace, name: 'mine' },
      (status) => conditionOf(status, 'Reloaded') === 'False PublishRefused',
    );
    expect((await cluster.core.readNamespacedConfigMap({ namespace, name: 'theirs' })).data).toEqual({ a: 'b' });
  });

  test('an edit in the middle replaces the rollout; pausing and dry runs touch nobody', async () => {
    const targets = await createEndpointTargets(cluster, { namespace, configMap: 'mid', count: 4, prefix: 'mid' });
    const one = await apply('mid', configText(2048), { 'batch-size': '1' });
    await applied('mid', one);
    targets[1]!.behaviour = () => undefined; // hangs
    await apply('mid', configText(4096), { 'batch-size': '1' });
    await expect.poll(() => targets[0]!.applied.length, { timeout: 10_000 }).toBe(2);
    targets[1]!.behaviour = undefined;
    const three = await apply('mid', configText(5120), { 'batch-size': '1' });
    await applied('mid', three);
    expect(targets.map(({ running }) => running)).toEqual([three, three, three, three]);
    expect(targets[3]!.applied).toEqual([one, three]);

    await apply('mid', configText(6144), { paused: 'true' });
    const paused = await waitForReload(
      cluster,
      { namespace, name: 'mid' },
      (status) => conditionOf(status, 'Progressing') === 'False Paused',
    );
    await apply('mid', configText(6144), { 'dry-run': 'true' });
    const dry = await waitForReload(
      cluster,
      { namespace, name: 'mid' },
      (status) => conditionOf(status, 'Progressing') === 'False DryRun',
    );
    expect([paused.appliedHash, dry.appliedHash]).toEqual([three, three]);
    expect(targets[0]!.running).toBe(three);
    const four = await apply('mid', configText(6144));
    await applied('mid', four);
    expect((await readReload(cluster, namespace, 'mid'))?.podsReady).toBe('4/4');
  });
});
