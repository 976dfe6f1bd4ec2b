import fc from 'fast-check';
import { expect, it } from 'vitest';
import { planWaves } from '../../src/core/waves.ts';

const targets = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

it.each([
  ['all at once by default', 0, { percent: 100 }, [targets]],
  ['a canary first', 1, { percent: 100 }, [[1], targets.slice(1)]],
  ['quarters of all', 0, { percent: 25 }, [[1, 2, 3], [4, 5, 6], [7, 8, 9], [10]]],
  ['a canary, then fours', 2, { count: 4 }, [[1, 2], [3, 4, 5, 6], [7, 8, 9, 10]]],
  ['more canaries than targets', 99, { count: 1 }, [targets]],
] as const)('%s', (_name, canary, batchSize, expected) => {
  expect(planWaves(targets, { canary, batchSize })).toEqual(expected);
}); // prettier-ignore

it('puts every target into exactly one wave, in order', () => {
  const size = fc.oneof(
    fc.record({ count: fc.integer({ min: 1, max: 50 }) }),
    fc.record({ percent: fc.integer({ min: 1, max: 100 }) }),
  );
  fc.assert(
    fc.property(fc.array(fc.nat()), fc.nat({ max: 20 }), size, (all, canary, batchSize) => {
      const waves = planWaves(all, { canary, batchSize });
      expect(waves.flat()).toEqual(all);
      expect(waves.every((wave) => wave.length > 0)).toBe(true);
    }),
  );
});
