import { expect, test } from 'vitest';
import { contentHash } from '../../src/core/content-hash.ts';
import { configText } from '../cluster/config-reload.ts';
import { World } from './world.ts';

const earlier = configText(2048);
const later = configText(4096);

/** All run the earlier text, and that is written down. */
async function settledWorld(): Promise<{ world: World; pod: { running: string; ledger: string[] } }> {
  const world = new World();
  world.edit(earlier);
  world.addPod('endpoint');
  await world.settle(true);
  const [pod] = world.pods.values();
  return { world, pod: pod! };
}

/** A controller that ended after an endpoint took the later text, and before anything said so. */
async function endAfterDelivery(): ReturnType<typeof settledWorld> {
  const { world, pod } = await settledWorld();
  world.edit(later);
  for (let crashAt = 1; pod.running !== contentHash(later); crashAt++) await world.reconcileOnce(crashAt);
  expect(world.status?.desiredHash, 'nothing was written down').toBe(contentHash(earlier));
  return { world, pod };
}

test('an edit taken back while the controller is away: the endpoint that had the text is brought back', async () => {
  const { world, pod } = await endAfterDelivery();
  world.edit(earlier);
  await world.settle(true);
  expect(pod.running).toBe(contentHash(earlier));
  expect(world.status).toMatchObject({ appliedHash: contentHash(earlier), podsReady: '1/1' });
});

test('the same, with an invalid text in between, and with one that differs by a comment', async () => {
  for (const back of [earlier, `# back\n${earlier}`]) {
    const { world, pod } = await endAfterDelivery();
    world.edit('memory: {total_budget_mb: 1}');
    await world.settle(true);
    world.edit(back);
    await world.settle(true);
    expect(pod.running).toBe(contentHash(back));
  }
});

test('a change that is no edit tells nobody again while the controller is there', async () => {
  const { world, pod } = await settledWorld();
  const before = pod.ledger.length;
  world.annotate('note', 'nothing to do with it');
  await world.settle(true);
  expect(pod.ledger).toHaveLength(before);
});
