import { describe, expect, test } from 'vitest';
import { validateConfig } from '../../src/core/validate-config.ts';
import { badInputs } from '../fixtures/bad-inputs.ts';

test('the list has at least 150 cases besides the cut files, each with an id of its own', () => {
  const ids = badInputs.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.filter((id) => !id.startsWith('42:')).length).toBeGreaterThanOrEqual(150);
});

describe('bad input, in the library', () => {
  test.each(badInputs.map((input) => [`${input.id} ${input.name}`, input] as const))(
    '%s',
    (_, { content, expect: expected }) => {
      const outcome = validateConfig(content);
      const rules = outcome.valid ? [] : outcome.violations.map(({ rule }) => rule);
      expect({ valid: outcome.valid, rules }).toEqual({
        valid: expected.valid,
        rules: expected.rule === undefined ? rules : expect.arrayContaining([expected.rule]),
      });
    },
  );
});
