import { expect, test } from 'vitest';
import { checkDeliveries, type RecordedRun } from './check-deliveries.ts';

const applied = (hash: string) => ({ hash, wasApplied: true });
const repeated = (hash: string) => ({ hash, wasApplied: false });
const right: RecordedRun = {
  texts: [
    { hash: 'one', isValid: true },
    { hash: 'bad', isValid: false },
    { hash: 'two', isValid: true },
  ],
  ledgers: { a: [applied('one'), applied('two'), repeated('two')], b: [applied('two')] },
  writesAtRest: [],
};

test('a run that kept all promises is found right', () => {
  expect(checkDeliveries(right)).toEqual([]);
});

/** A checker that finds nothing proves nothing: each promise is broken once. */
test.each<[string, Partial<RecordedRun>, readonly string[]]>([
  ['an invalid text is delivered', { ledgers: { a: [repeated('bad'), applied('two')] } }, ['gate: a was given bad']],
  ['a text nobody wrote is delivered', { ledgers: { a: [applied('forged'), applied('two')] } }, ['gate: a was given forged']],
  ['an older text is delivered after a newer one', { ledgers: { a: [applied('two'), repeated('one')] } }, ['order: a was given one after a newer text']],
  ['a text is applied twice', { ledgers: { a: [applied('two'), applied('two')] } }, ['delivery: a applied two again']],
  ['a target stays behind', { ledgers: { a: [applied('two')], b: [applied('one')] } }, ['convergence: b runs one, not two']],
  ['a target gets nothing', { ledgers: { a: [] } }, ['convergence: a runs nothing, not two']],
  ['a target is told and does not apply', { ledgers: { a: [repeated('two')] } }, ['convergence: a runs nothing, not two']],
  ['writes go on', { writesAtRest: ['PUT status'] }, ['silence: PUT status after everything was settled']],
])('it is found when %s', (_what, broken, violations) => {
  expect(checkDeliveries({ ...right, ...broken })).toEqual(violations);
}); // prettier-ignore
