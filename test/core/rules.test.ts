import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { rules } from '../../src/core/rules.ts';
import { badInputs } from '../fixtures/bad-inputs.ts';

const page = readFileSync(new URL('../../docs/validation.md', import.meta.url), 'utf8');

test.each(Object.entries(rules))(
  '%s is explained in docs/validation.md, in the table of its kind',
  (name, { kind }) => {
    const heading = {
      leindex: '## Refused, as by LeIndex',
      stricter: '## Refused, though LeIndex takes it',
      warning: '## Warnings',
    }[kind];
    const table = page.slice(page.indexOf(heading)).split('\n## ')[0];
    expect(table).toContain(`\`${name}\``);
  },
);

test('each rule that refuses has a case in the list of bad input, but the deadline, which the gate tests', () => {
  const refusing = Object.entries(rules).filter(([name, { kind }]) => kind !== 'warning' && name !== 'too-costly');
  const covered = new Set(badInputs.map(({ expect: expected }) => expected.rule));
  expect(refusing.map(([name]) => name).filter((name) => !covered.has(name))).toEqual([]);
});
