import { expect, test } from 'vitest';
import { nearestName } from '../../src/core/nearest-name.ts';

const known = ['total_budget_mb', 'global_index_mb', 'priority', 'version'];

test.each([
  ['total_budget_MB', 'total_budget_mb'],
  ['total-budget-mb', 'total_budget_mb'],
  ['totl_budgt_mb', 'total_budget_mb'],
  ['prority', 'priority'],
  ['Version', 'version'],
  ['total', 'total_budget_mb'],
  ['index', 'global_index_mb'],
  ['mb', undefined],
  ['timeout', undefined],
  ['x'.repeat(65), undefined],
])('%s: %s', (word, nearest) => {
  expect(nearestName(word, known)).toBe(nearest);
});
