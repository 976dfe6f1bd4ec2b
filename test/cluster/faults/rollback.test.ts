import { describe, expect, test } from 'vitest';
import { contentHash } from '../../../src/core/content-hash.ts';
import { conditionOf, configText } from '../config-reload.ts';
import { createEndpointTargets, type EndpointTarget } from '../endpoint-targets.ts';
import { useCluster } from '../use-cluster.ts';
import { untilAtRest } from './kill-points.ts';
import { SourceUser } from './source-user.ts';
import { useProxiedController } from './proxied-controller.ts';

const [one, two] = [configText(2048), configText(4096)];
const policy = { 'on-failure': 'rollback', timeout: '1s' };

/** A rollback that cannot be, and one that must not go round in circles. */
describe('on-failure: rollback', async () => {
  const cluster = await useCluster();
  const { namespace } = cluster;
  const user = new SourceUser(cluster, namespace);
  const controller = useProxiedController(cluster);
  /** From now on the target refuses every text but that one; `asked` becomes the hashes that it was told of. */
  function refuseAllBut(text: string, target: EndpointTarget, asked: string[]): void {
    target.behaviour = (request, response, body) => {
      const { hash } = JSON.parse(body) as { hash: string };
      asked.push(hash);
      if (hash === contentHash(text)) target.answer(request, response, body);
      else response.writeHead(400).end();
    };
  }
  const targetsOf = (name: string) =>
    createEndpointTargets(cluster, { namespace, configMap: name, count: 2, prefix: name });
  const until = (name: string, state: string) =>
    user.until(name, (status) => conditionOf(status, 'Reloaded') === state);

  test('F50: the revision to go back to is not valid any more: no rollback, and the condition says so', async () => {
    const targets = await targetsOf('stale');
    await user.apply('stale', one, policy);
    await user.untilApplied('stale', one);
    // As if the rules had become stricter since.
    const revision = await cluster.apps.readNamespacedControllerRevision({ namespace, name: 'stale-1' });
    await cluster.apps.deleteNamespacedControllerRevision({ namespace, name: 'stale-1' });
    const { name, labels, ownerReferences } = revision.metadata!;
    const data = { ...revision.data, content: 'memory: nonsense' };
    await cluster.apps.createNamespacedControllerRevision({
      namespace,
      body: { metadata: { name: name!, labels: labels!, ownerReferences: ownerReferences! }, revision: 1, data },
    });

    const asked: string[] = [];
    refuseAllBut(one, targets[0]!, asked);
    await user.apply('stale', two, policy);
    const status = await until('stale', 'False RollbackImpossible');
    expect(status.conditions.find(({ type }) => type === 'Reloaded')?.message).toContain('not valid any more');
    await untilAtRest(controller.proxy);
    expect(asked).toEqual([contentHash(two)]);
    expect(targets[1]!.ledger.map(({ hash }) => hash)).toEqual([one, two].map(contentHash));
  });

  test('F50: nothing ran before: no rollback, and the failure is what it is', async () => {
    const targets = await targetsOf('first');
    const asked: string[] = [];
    refuseAllBut(two, targets[0]!, asked);
    await user.apply('first', one, policy);
    const status = await until('first', 'False TargetsFailed');
    expect(status).toMatchObject({ targets: { reloaded: 1, failed: 1 }, lastKnownGood: { revision: 0 } });
    expect(status.rollback).toBeNull();
    await untilAtRest(controller.proxy);
    expect(asked).toEqual([contentHash(one)]);
  });

  test('F51: what was rolled back is not tried again, by this process or the next, while the ConfigMap still says so', async () => {
    const targets = await targetsOf('loop');
    await user.apply('loop', one, policy);
    await user.untilApplied('loop', one);
    const asked: string[] = [];
    refuseAllBut(one, targets[0]!, asked);
    await user.apply('loop', two, policy);
    await until('loop', 'False RolledBack');
    await untilAtRest(controller.proxy);
    const ledgers = () => [asked, targets[1]!.ledger.map(({ hash }) => hash)];
    const before = structuredClone(ledgers());
    for (const told of before) expect(told.filter((hash) => hash === contentHash(two))).toHaveLength(1);

    await controller.restart();
    await untilAtRest(controller.proxy);
    expect(ledgers()).toEqual(before);
    expect(targets[1]!.running).toBe(contentHash(one));
  });
});
