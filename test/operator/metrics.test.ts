import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { createMetrics } from '../../src/operator/metrics.ts';

test('the age of a watch is that of its resource, and goes with the last watch of it', async () => {
  const registry = new Registry();
  const metrics = createMetrics(registry);
  const ages = async () => (await registry.getSingleMetric('leindex_reloader_watch_age_seconds')!.get()).values;
  metrics.watchAges([
    { name: 'configmaps', age: 1_000 },
    { name: 'pods in a', age: 2_000 },
    { name: 'pods in b', age: 7_000 },
  ]);
  expect((await ages()).map(({ labels, value }) => [labels['resource'], value])).toEqual([
    ['configmaps', 1],
    ['pods', 7],
  ]);
  metrics.watchAges([{ name: 'configmaps', age: 3_000 }]);
  expect((await ages()).map(({ labels, value }) => [labels['resource'], value])).toEqual([['configmaps', 3]]);
});
