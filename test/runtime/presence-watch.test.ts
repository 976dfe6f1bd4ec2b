import { expect, test } from 'vitest';
import { PresenceWatch } from '../../src/runtime/presence-watch.ts';
import { ManualClock, settle } from './manual-clock.ts';

/** A watch of something that is there as `answers` say, one after the other; the last one again and again. */
async function watch(...answers: (boolean | Error)[]) {
  const clock = new ManualClock();
  const stop = new AbortController();
  const seen = { looks: 0, returns: 0 };
  const presence = new PresenceWatch({
    isThere: () => {
      const answer = answers[Math.min(seen.looks++, answers.length - 1)]!;
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    },
    onReturn: () => (seen.returns += 1),
    clock,
  });
  const running = presence.run(stop.signal);
  await settle();
  return { presence, clock, stop, seen, running };
}

test('what is there is looked for once', async () => {
  const { presence, clock, seen } = await watch(true);
  await clock.advance(600_000);
  expect([presence.state, seen]).toEqual(['there', { looks: 1, returns: 0 }]);
});

test('what is missing at the start is looked for until it comes, and that is told', async () => {
  const { presence, clock, seen } = await watch(false, false, true);
  expect(presence.state).toBe('missing');
  await clock.advance(3_999);
  expect(seen.returns).toBe(0);
  await clock.advance(60_000);
  expect([presence.state, seen]).toEqual(['there', { looks: 3, returns: 1 }]);
});

test('an answer that does not come says nothing', async () => {
  const { presence, clock, seen } = await watch(new Error('no route'), true);
  expect(presence.state).toBe('unknown');
  await clock.advance(60_000);
  expect([presence.state, seen]).toEqual(['there', { looks: 2, returns: 0 }]);
});

test('what goes away later is looked for from then on; at once it may only seem to be there', async () => {
  const { presence, clock, seen } = await watch(true);
  presence.miss();
  presence.miss();
  await settle();
  expect([presence.state, seen.looks]).toEqual(['missing', 1]);
  await clock.advance(60_000);
  expect([presence.state, seen]).toEqual(['there', { looks: 2, returns: 1 }]);
});

test('stopping ends it, whether it waits or looks', async () => {
  for (const answer of [true, false]) {
    const { stop, running, clock } = await watch(answer);
    stop.abort();
    await running;
    expect(clock.pending).toEqual([]);
  }
});
