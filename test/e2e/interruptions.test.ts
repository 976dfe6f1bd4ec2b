import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { contentHash } from '../../src/core/content-hash.ts';
import { configText } from '../cluster/config-reload.ts';
import { waitUntil } from '../cluster/wait-until.ts';
import { describeControlled } from './controlled-node.ts';
import { managerPod, podOf, sourceOf } from './workloads.ts';

const first = configText(2048);
const second = configText(4096);
const third = configText(6144);
const hex = (text: string) => contentHash(text).slice('sha256:'.length);

describeControlled('what happens in the middle of a reload', (on) => {
  test('a pod goes: the others are reloaded', async () => {
    await on.apply(sourceOf('going', first));
    await on.run(podOf('going-1', { configMap: 'going' }), podOf('going-2', { configMap: 'going' }));
    await on.untilApplied('going', first, '2/2');
    await on.applyByKubectl(sourceOf('going', second));
    await on.node.core.deleteNamespacedPod({ namespace: on.namespace, name: 'going-1', gracePeriodSeconds: 0 });
    await on.untilApplied('going', second, '1/1');
    expect((await on.signals('going-2')).at(-1)).toBe(`HUP ${hex(second)}`);
  });

  test('the container restarts: its new process runs the new text', async () => {
    const done = on.node.exec('going-2', 'app', ['sh', '-c', 'kill -TERM 1']).catch(() => undefined);
    await on.applyByKubectl(sourceOf('going', first));
    await done;
    await on.untilRestarted('going-2', 1);
    await on.untilApplied('going', first, '1/1');
    const log = (await on.log('going-2')).map(({ line }) => line);
    expect(log.at(-1)).toMatch(new RegExp(` ${hex(first)}$`));
  });

  test('the ConfigMap goes: what runs goes on, and so does the controller', async () => {
    const before = await on.signals('going-2');
    await on.applyByKubectl(sourceOf('going', third));
    await on.node.core.deleteNamespacedConfigMap({ namespace: on.namespace, name: 'going' });
    await waitUntil({
      what: 'the ConfigReload goes with its owner',
      check: async () => (await on.reload('going')) === undefined,
    });
    await sleep(2500);
    // The third text or none; never anything else.
    expect((await on.signals('going-2')).slice(before.length).filter((line) => line !== `HUP ${hex(third)}`)).toEqual(
      [],
    );
    expect(await on.restarts('going-2')).toBe(1);
    expect(on.controller.process.exitCode).toBeNull();
    // It comes back, and is a new one.
    await on.applyByKubectl(sourceOf('going', second));
    await on.untilApplied('going', second, '1/1');
    expect((await on.signals('going-2')).at(-1)).toBe(`HUP ${hex(second)}`);
  });

  test('the controller is killed, at any moment: nothing is lost, nothing older comes, nothing twice at an endpoint', async () => {
    const seed = Number(process.env['E2E_SEED'] ?? Date.now() % 1_000_000);
    console.log(`moments of the kills: E2E_SEED=${seed} repeats them`);
    const random = createRandom(seed);
    await on.apply(sourceOf('main', first));
    await on.run(podOf('by-signal', { configMap: 'main' }), managerPod('by-endpoint', 'main'));
    await on.untilApplied('main', first, '2/2');
    const texts = Array.from({ length: 10 }, (_, round) => configText(7168 + 64 * round));
    for (const text of texts) {
      await on.applyByKubectl(sourceOf('main', text));
      await sleep(random() * 800);
      await on.controller.kill('SIGKILL');
      await on.startController();
      await on.untilApplied('main', text, '2/2');
    }

    const order = [first, ...texts].map(hex);
    const signalled = (await on.signals('by-signal')).map((line) => order.indexOf(line.slice('HUP '.length)));
    expect(signalled).not.toContain(-1);
    expect(signalled).toEqual(signalled.toSorted((a, b) => a - b));
    expect([...new Set(signalled)].filter((position) => position > 0)).toEqual(texts.map((_, round) => round + 1));
    const history = await on.managerHistory('by-endpoint');
    const reloaded = history.filter(({ reason }) => reason === 'Reloaded').map(({ newHash }) => newHash);
    const status = (await on.reload('main'))!;
    for (const text of texts) {
      const hash = contentHash(text);
      expect(reloaded.filter((one) => one === hash)).toEqual([hash]);
      expect(status.history.filter(({ newHash }) => newHash === hash)).toHaveLength(1);
    }
    expect(await Promise.all(['by-signal', 'by-endpoint'].map((pod) => on.restarts(pod)))).toEqual([0, 0]);
  });
});

/** Numbers from 0 up to 1, the same ones for the same seed. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648;
}
