import { expect, test } from 'vitest';
import { diffConfigs } from '../../src/core/config-diff.ts';
import { validateConfig } from '../../src/core/validate-config.ts';

const config = (text: string) => {
  const outcome = validateConfig(`version: "2.0"\n${text}`);
  if (!outcome.valid) throw new Error('unreachable');
  return outcome.config;
};
const defaults = config('memory: {}\nprojects: {}\nperformance: {}');
const other = config('memory: {total_budget_mb: 4096}\nprojects: {}\nperformance: {batch_size: 60}');

test('names what differs, in the order of the schema', () => {
  expect(diffConfigs(defaults, other)).toEqual([
    { path: 'memory.total_budget_mb', from: 3072, to: 4096 },
    { path: 'performance.batch_size', from: 50, to: 60 },
  ]);
  expect(diffConfigs(other, other)).toEqual([]);
});

test('against nothing, every value differs', () => {
  expect(diffConfigs(null, defaults)).toHaveLength(13);
  expect(diffConfigs(null, defaults)[0]).toEqual({ path: 'version', from: null, to: '2.0' });
  expect(diffConfigs(defaults, null).every(({ to }) => to === null)).toBe(true);
  expect(diffConfigs(null, null)).toEqual([]);
});
