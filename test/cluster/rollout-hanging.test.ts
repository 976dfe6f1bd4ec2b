import { beforeAll, describe, expect, test } from 'vitest';
import { contentHash } from '../../src/core/content-hash.ts';
import { configReloadCrd } from '../../src/kube/crd.ts';
import { conditionOf, configText } from './config-reload.ts';
import { startController } from './controller-process.ts';
import { createEndpointTargets, type EndpointTarget, TARGET_CIDR } from './endpoint-targets.ts';
import { SourceUser } from './faults/source-user.ts';
import { useCluster } from './use-cluster.ts';

const before = configText(2048);
const after = configText(4096);
const COUNT = 200;
const HANGING = [57, 58, 140];

describe(`${COUNT} endpoints, of which ${HANGING.length} hang`, async () => {
  const cluster = await useCluster();
  const { namespace } = cluster;
  const user = new SourceUser(cluster, namespace);
  let targets: EndpointTarget[];
  let others: EndpointTarget[];
  /** Requests that hang right now. */
  let inFlight = 0;

  beforeAll(async () => {
    await cluster.apply(configReloadCrd as never);
    targets = await createEndpointTargets(cluster, { namespace, configMap: 'many', count: COUNT, prefix: 'many' });
    others = (
      await Promise.all(
        [0, 1, 2].map((index) =>
          createEndpointTargets(cluster, {
            namespace,
            configMap: `other-${index}`,
            count: 1,
            prefix: `other-${index}`,
          }),
        ),
      )
    ).flat();
    await startController(cluster.kubeconfig, '--namespace', namespace, '--allow-endpoint-cidr', TARGET_CIDR);
    for (const index of [0, 1, 2]) await user.apply(`other-${index}`, before);
  });

  function hang(): void {
    for (const index of HANGING) {
      targets[index]!.behaviour = (request) => {
        inFlight += 1;
        request.socket.once('close', () => (inFlight -= 1));
      };
    }
  }
  const heal = () => targets.forEach((target) => (target.behaviour = undefined));
  /** Which targets have come to run the text, by number. */
  const runners = (text: string) =>
    targets.flatMap(({ running }, index) => (running === contentHash(text) ? [index] : []));
  const all = Array.from({ length: COUNT }, (_, index) => index);

  test('all at once: the rest is done, each that hangs is named, and no other source waits', async () => {
    const policy = { timeout: '20s' };
    await user.apply('many', before, policy);
    await user.untilApplied('many', before);
    hang();
    await user.apply('many', after, policy);
    await expect.poll(() => inFlight, { timeout: 20_000 }).toBe(HANGING.length);

    // While they hang, the other sources are begun and ended.
    for (const index of [0, 1, 2]) await user.apply(`other-${index}`, after);
    for (const index of [0, 1, 2]) await user.untilApplied(`other-${index}`, after);
    expect(inFlight).toBe(HANGING.length);
    expect(others.map(({ running }) => running)).toEqual(others.map(() => contentHash(after)));
    const open = await user.until('many', () => true);
    expect(conditionOf(open, 'Progressing')).toBe('True RollingOut');

    const status = await user.until('many', (one) => conditionOf(one, 'Progressing') === 'False TargetsFailed', 60_000);
    expect(status).toMatchObject({
      targets: { total: COUNT, reloaded: COUNT - 3, failed: 3, pending: 0 },
      podsReady: '197/200',
    });
    expect(status.pods.slice(0, 4).map(({ name, reason }) => `${name} ${reason}`)).toEqual([
      ...HANGING.map((index) => `many-${index} EndpointTimeout`).sort(),
      expect.stringMatching(/^many-\d+ EndpointConfirmed$/),
    ]);
    expect(status.appliedHash).toBe(contentHash(before));
    expect(runners(after)).toEqual(all.filter((index) => !HANGING.includes(index)));

    // Once they answer again they are brought along, and nobody else is told anything.
    const told = targets.map(({ ledger }) => ledger.length);
    heal();
    await user.untilApplied('many', after, 90_000);
    expect(targets.map(({ applied }) => applied)).toEqual(all.map(() => [contentHash(before), contentHash(after)]));
    expect(targets.flatMap(({ ledger }, index) => (ledger.length > told[index]! ? [index] : []))).toEqual(HANGING);
  });

  test('in waves: the wave in which one hangs is the last one, and what was done stays', async () => {
    // Targets go by the names of their pods: "many-57" comes late in a dictionary.
    const order = all.toSorted((a, b) => (`many-${a}` < `many-${b}` ? -1 : 1));
    const policy = { timeout: '1s', canary: '1', 'batch-size': '20%' };
    const text = configText(6144);
    await user.apply('many', after, policy);
    await user.untilApplied('many', after);
    hang();
    await user.apply('many', text, policy);
    const status = await user.until('many', (one) => conditionOf(one, 'Progressing') === 'False RolloutHalted', 60_000);

    const stops = Math.min(...HANGING.map((index) => order.indexOf(index)));
    const touched = order.slice(0, 1 + 40 * Math.ceil(stops / 40));
    const hung = HANGING.filter((index) => touched.includes(index));
    expect(runners(text)).toEqual(touched.filter((index) => !hung.includes(index)).toSorted((a, b) => a - b));
    expect(status.targets).toMatchObject({
      total: COUNT,
      reloaded: touched.length - hung.length,
      failed: hung.length,
      pending: COUNT - touched.length,
    });
    const untouched = all.filter((index) => !touched.includes(index));
    expect(untouched.map((index) => targets[index]!.applied.length)).toEqual(untouched.map(() => 2));
    const halted = status.history[0]!;
    expect(halted).toMatchObject({ result: 'io_error', reason: 'RolloutHalted', newHash: contentHash(text) });
    for (const index of hung) expect(halted.errorMessage).toContain(`many-${index}/app: EndpointTimeout`);
    heal();
  });
});
