import { describe, expect, test } from 'vitest';
import { WatchFailure, type WatchEvent } from '../../src/runtime/lister-watcher.ts';
import { Reflector, type ReflectorOptions } from '../../src/runtime/reflector.ts';
import { ManualClock, settle } from './manual-clock.ts';
import { ScriptedSource } from './scripted-source.ts';

interface Thing {
  readonly metadata: { readonly name: string; readonly uid: string; readonly resourceVersion: string };
  readonly isKept: boolean;
}

const thing = (name: string, version: number, extra: { uid?: string; isKept?: boolean } = {}): Thing => ({
  metadata: { name, uid: extra.uid ?? `uid-${name}`, resourceVersion: String(version) },
  isKept: extra.isKept ?? true,
});
const added = (...args: Parameters<typeof thing>): WatchEvent => ({ type: 'ADDED', object: thing(...args) });
const modified = (...args: Parameters<typeof thing>): WatchEvent => ({ type: 'MODIFIED', object: thing(...args) });
const deleted = (...args: Parameters<typeof thing>): WatchEvent => ({ type: 'DELETED', object: thing(...args) });
const bookmark = (version: number, isInitialEnd = false): WatchEvent => ({
  type: 'BOOKMARK',
  resourceVersion: String(version),
  isInitialEnd,
});
const synced = (version: number) => bookmark(version, true);
const page = (version: number, items: readonly Thing[], next?: string) => ({
  items,
  resourceVersion: String(version),
  continue: next,
});
const broken = (retryAfterMs?: number) => new WatchFailure('broken', 'broken', { retryAfterMs });
const expired = () => new WatchFailure('expired', 'too old resource version');
const silent = () => new WatchFailure('silent', 'nothing came for 90 s');
const unsupported = () => new WatchFailure('unsupported', 'sendInitialEvents is forbidden');

/** A reflector over a script, running; `changes` is what its handler was told. */
function run(source: ScriptedSource, options: Partial<ReflectorOptions<number>> = {}) {
  const clock = new ManualClock();
  const stop = new AbortController();
  const changes: string[] = [];
  const waits: number[] = [];
  const errors: unknown[] = [];
  const reflector = new Reflector<number>({
    source,
    trim: (object) => ((object as Thing).isKept ? Number((object as Thing).metadata.resourceVersion) : undefined),
    onChange: (key, previous, current) => changes.push(`${key} ${previous ?? '-'}→${current ?? '-'}`),
    hooks: { failed: (_, ms) => waits.push(ms), handlerFailed: (error) => errors.push(error) },
    clock,
    random: () => 0.5,
    ...options,
  });
  const running = reflector.run(stop.signal);
  return { clock, stop, changes, waits, errors, reflector, running, stored: () => reflector.store.keys().toSorted() };
}

describe('a WatchList', () => {
  test('TestSharedInformerInitializationRace: everything is there, and told, before it counts as synced', async () => {
    const source = new ScriptedSource();
    const { reflector, changes, stored } = run(source);
    await settle();
    source.push(added('a', 1));
    source.push(added('b', 2));
    source.push(bookmark(3)); // one that is not the end of the initial events
    await settle();
    expect(reflector.hasSynced).toBe(false);
    source.push(synced(4));
    await reflector.untilSynced();
    expect([stored(), changes]).toEqual([
      ['a', 'b'],
      ['a -→1', 'b -→2'],
    ]);
    source.push(modified('a', 5));
    await settle();
    expect(changes.at(-1)).toBe('a 1→5');
  });

  test('TestReflectorWatchListFallback: a server without it is asked for pages, now and ever after', async () => {
    const source = new ScriptedSource()
      .watches(unsupported(), [expired()])
      .lists(page(7, [thing('a', 1)], 'more'), page(7, [thing('b', 2)]), page(9, [thing('a', 1)]));
    const { reflector, stored, clock } = run(source);
    await clock.advance(0);
    expect(reflector.hasSynced).toBe(true);
    expect(source.asked).toEqual(['watchlist', 'list 500', 'list 500 from more', 'watch 7', 'list 500', 'watch 9']);
    expect(stored()).toEqual(['a']);
  });

  test('one that breaks before its end is followed by a list, which makes progress; the next is tried again', async () => {
    const source = new ScriptedSource()
      .watches([added('a', 1)], [expired()], [synced(9)])
      .lists(page(7, [thing('a', 1)]));
    const { clock } = run(source);
    await clock.advance(2_000);
    expect(source.asked).toEqual(['watchlist', 'list 500', 'watch 7', 'watchlist', 'watch 9']);
  });

  test('an object that goes while the initial events come is gone at their end', async () => {
    const source = new ScriptedSource().watches([added('a', 1), added('b', 2), deleted('a', 3), synced(4)]);
    const { stored } = run(source);
    await settle();
    expect(stored()).toEqual(['b']);
  });
});

describe('a watch goes on where it was', () => {
  test.each([
    [
      'TestNoRelistOnTooManyRequests: 429',
      broken(2_000),
      { ms: 2_000, asked: ['watchlist', 'watch 5', 'watch 5', 'watch 5'] },
    ],
    [
      'a 5xx, a reset, an ERROR event: after a look at how new the server is',
      broken(),
      { ms: 400, asked: ['watchlist', 'watch 5', 'list 1', 'watch 5', 'list 1', 'watch 5'] },
    ],
  ])('%s', async (_, failure, { ms, asked }) => {
    const source = new ScriptedSource().watches([synced(5)], failure, failure);
    const { clock, waits } = run(source);
    await clock.advance(60_000);
    expect(source.asked).toEqual(asked);
    expect(waits[0]).toBe(ms);
  });

  test('at the version of the last event or bookmark', async () => {
    const source = new ScriptedSource().watches([synced(5), added('a', 7), bookmark(9)], [modified('a', 11)]);
    run(source);
    await settle();
    expect(source.asked).toEqual(['watchlist', 'watch 9', 'watch 11']);
  });

  test('Retry-After is honoured where it is longer than the back-off, and it alone', async () => {
    const source = new ScriptedSource().watches([synced(5)], broken(7_000), broken(0), broken(60_000));
    const { clock, waits } = run(source);
    await clock.advance(6_999);
    expect(source.asked).toHaveLength(2);
    await clock.advance(120_000);
    expect(waits).toEqual([7_000, 800, 60_000]);
  });

  test('the back-off doubles to 30 s, with jitter, and starts anew after a quiet minute', async () => {
    const source = new ScriptedSource().watches([synced(5)], ...Array.from({ length: 9 }, () => broken()));
    const { clock, waits } = run(source);
    await clock.advance(200_000);
    expect(waits).toEqual([400, 800, 1_600, 3_200, 6_400, 12_800, 15_000, 15_000, 15_000]);
    source.push(broken());
    await settle();
    expect(waits.at(-1)).toBe(400);
  });

  test('a server that closes every watch at once is not asked without pause', async () => {
    const source = new ScriptedSource().watches([synced(5)], ...Array.from({ length: 50 }, () => []));
    const { clock } = run(source);
    await clock.advance(10_000);
    expect(source.asked.filter((one) => one === 'watch 5').length).toBeLessThan(10);
  });

  test('a watch that its server ends in time is begun again at once', async () => {
    const source = new ScriptedSource();
    const { clock, waits } = run(source);
    await settle();
    source.push(synced(5));
    await clock.advance(300_000);
    source.push('end');
    await settle();
    expect([source.asked, waits]).toEqual([['watchlist', 'watch 5'], []]);
  });
});

test('F11: an event that breaks every watch that begins before it is passed by a list', async () => {
  const poisoned: WatchEvent[] = [{ type: 'ADDED', object: null }];
  const source = new ScriptedSource().watches([synced(5)], poisoned, poisoned, poisoned, [added('b', 9), synced(10)]);
  const { clock, stored } = run(source);
  await clock.advance(20_000);
  expect(source.asked.filter((one) => one !== 'list 1')).toEqual([
    'watchlist', 'watch 5', 'watch 5', 'watch 5', 'watchlist', 'watch 10',
  ]); // prettier-ignore
  expect(stored()).toEqual(['b']);
});

describe('a watch on which nothing comes', () => {
  test('is begun anew where it was, at once, and is no failure: nothing may have changed', async () => {
    const source = new ScriptedSource().watches([synced(5), silent()], [silent()]);
    const { clock, waits } = run(source);
    await clock.advance(0);
    expect([source.asked, waits]).toEqual([['watchlist', 'list 1', 'watch 5', 'list 1', 'watch 5'], []]);
  });

  test('is one before its initial events have ended: pages make progress where it does not', async () => {
    const source = new ScriptedSource().watches([added('a', 1), silent()]).lists(page(7, [thing('a', 1)]));
    const { clock, waits } = run(source);
    await clock.advance(1_000);
    expect([source.asked, waits]).toEqual([['watchlist', 'list 500', 'watch 7'], [400]]);
  });
});

test('one that is forbidden holds nobody up, and is tried until it is allowed', async () => {
  const forbidden = new WatchFailure('forbidden', 'no', { isAnswer: true });
  const source = new ScriptedSource().watches(forbidden).lists(forbidden, page(5, [thing('a', 1)]));
  const { clock, reflector, stored } = run(source);
  await reflector.untilAnswered();
  expect(reflector.hasSynced).toBe(false);
  await clock.advance(5_000);
  expect(source.asked).toEqual(['watchlist', 'list 500', 'list 500', 'watch 5']);
  expect(stored()).toEqual(['a']);
});

describe('410', () => {
  test('TestReflectorExpiredExactResourceVersion: lists anew, at once; what was deleted meanwhile is told', async () => {
    const source = new ScriptedSource().watches([added('a', 1), added('b', 2), synced(5)], expired(), [
      added('b', 2),
      synced(9),
    ]);
    const { waits, changes, clock } = run(source);
    await clock.advance(0);
    expect(source.asked).toEqual(['watchlist', 'watch 5', 'watchlist', 'watch 9']);
    expect(waits).toEqual([0]);
    expect(changes).toEqual(['a -→1', 'b -→2', 'a 1→-']);
  });

  test('while pages are read: begins anew without pages, since the list outlives its version', async () => {
    const source = new ScriptedSource()
      .watches(unsupported(), [expired()])
      .lists(page(7, [thing('a', 1)], 'more'), expired(), page(8, [thing('a', 1), thing('b', 2)]), page(9, []));
    const { stored, clock } = run(source);
    await clock.advance(1_000);
    expect(source.asked).toEqual([
      'watchlist',
      'list 500',
      'list 500 from more',
      'list 0',
      'watch 8',
      'list 500',
      'watch 9',
    ]);
    expect(stored()).toEqual([]);
  });

  test.each([
    ['as an HTTP status', () => expired()],
    ['in the stream', () => [expired()]],
  ])('F6: a storm of 50 in a row, %s, costs a bounded number of lists', async (_, storm) => {
    const source = new ScriptedSource();
    for (let n = 0; n < 50; n++) source.watches([added('a', 1), synced(5)], storm());
    const { clock, changes } = run(source);
    await clock.advance(120_000);
    expect(source.asked.filter((one) => one === 'watchlist').length).toBeLessThanOrEqual(14);
    expect(changes).toEqual(['a -→1']);
  });
});

describe('what cannot be trusted', () => {
  test.each<[string, unknown]>([
    ['no object', null],
    ['no metadata', {}],
    ['no uid', { metadata: { name: 'a', resourceVersion: '1' } }],
    ['no version', { metadata: { name: 'a', uid: 'u' } }],
  ])('F11: an event with %s breaks the stream, not the reflector', async (_, object) => {
    const source = new ScriptedSource().watches([synced(5)], [{ type: 'ADDED', object }]);
    const { clock, stored } = run(source);
    await clock.advance(1_000);
    source.push(added('b', 6));
    await settle();
    expect(stored()).toEqual(['b']);
  });

  test('F14: a watch that goes back in time lists anew', async () => {
    const source = new ScriptedSource().watches(
      [added('a', 90), synced(100)],
      [bookmark(40)],
      [added('a', 30), synced(41)],
    );
    const { reflector, clock } = run(source);
    await clock.advance(0);
    expect(source.asked).toEqual(['watchlist', 'watch 100', 'watchlist', 'watch 41']);
    expect(reflector.store.get('a')).toBe(30);
  });

  test.each([
    ['broke off', () => broken()],
    ['fell silent', () => silent()],
  ])(
    'F14: a server that went back while the watch %s would take the next one and say nothing: everything is listed anew',
    async (_, failure) => {
      const source = new ScriptedSource().watches(
        [added('a', 90), synced(100), failure()],
        [added('a', 30), synced(41)],
      );
      source.version = '40';
      const { reflector, clock } = run(source);
      await clock.advance(2_000);
      expect(source.asked).toEqual(['watchlist', 'list 1', 'watchlist', 'watch 41']);
      expect(reflector.store.get('a')).toBe(30);
    },
  );

  test('F12: a replayed delete of an object that was made anew since is none', async () => {
    const source = new ScriptedSource();
    const { changes } = run(source);
    await settle();
    for (const event of [added('a', 1), synced(2), deleted('a', 3), added('a', 4, { uid: 'second' }), deleted('a', 5)])
      source.push(event);
    await settle();
    expect(changes).toEqual(['a -→1', 'a 1→-', 'a -→4']);
  });

  test('now and then everything is listed again: a delete that the watch lost comes out', async () => {
    const source = new ScriptedSource();
    const { clock, changes } = run(source);
    await settle();
    source.push(added('a', 1));
    source.push(synced(2));
    await clock.advance(2 * 3_600_000 + 1);
    source.push('end');
    await settle();
    source.push(synced(3));
    await settle();
    expect(source.asked).toEqual(['watchlist', 'watchlist']);
    expect(changes).toEqual(['a -→1', 'a 1→-']);
  });
});

describe('what is kept', () => {
  test('F5: deleted and made anew between two events is both, one after the other', async () => {
    const source = new ScriptedSource().watches([added('a', 1), synced(2), modified('a', 3, { uid: 'second' })]);
    const { changes } = run(source);
    await settle();
    expect(changes).toEqual(['a -→1', 'a 1→-', 'a -→3']);
  });

  test('nothing of an object that `trim` turns down; one that no longer suits is a removal', async () => {
    const source = new ScriptedSource().watches([
      added('foreign', 1, { isKept: false }),
      added('a', 2),
      synced(3),
      modified('foreign', 4, { isKept: false }),
      modified('a', 5, { isKept: false }),
      modified('foreign', 6),
      deleted('never-kept', 7),
    ]);
    const { changes, stored } = run(source);
    await settle();
    expect(changes).toEqual(['a -→2', 'a 2→-', 'foreign -→6']);
    expect(stored()).toEqual(['foreign']);
  });

  test('a list that repeats what is known tells nobody', async () => {
    const source = new ScriptedSource().watches([added('a', 1), synced(2)], expired(), [added('a', 1), synced(9)]);
    const { changes } = run(source);
    await settle();
    expect(changes).toEqual(['a -→1']);
  });
});

describe('isolation', () => {
  test('a handler that throws, and an object that cannot be trimmed, are reported and end nothing', async () => {
    const source = new ScriptedSource().watches([added('a', 1), added('poison', 2), added('b', 3), synced(4)]);
    const { reflector, errors } = run(source, {
      trim: (object) => {
        const { name, resourceVersion } = (object as Thing).metadata;
        if (name === 'poison') throw new Error('poison');
        return Number(resourceVersion);
      },
      onChange: (key) => {
        if (key === 'a') throw new Error('handler');
      },
    });
    await settle();
    expect(reflector.hasSynced).toBe(true);
    expect(reflector.store.keys()).toEqual(['a', 'b']);
    expect(errors.map(String)).toEqual(['Error: handler', 'Error: poison']);
    expect(source.asked).toEqual(['watchlist', 'watch 4']);
  });

  test('an error that is no WatchFailure is one', async () => {
    const source = new ScriptedSource().watches([synced(5)], new TypeError('bug'));
    const { clock } = run(source);
    await clock.advance(1_000);
    expect(source.asked).toEqual(['watchlist', 'watch 5', 'list 1', 'watch 5']);
  });

  test('stopping ends it wherever it is, and leaves no timer', async () => {
    for (const source of [
      new ScriptedSource(),
      new ScriptedSource().watches([synced(1)], broken(60_000)),
      new ScriptedSource().watches(unsupported()),
    ]) {
      const { stop, running, clock } = run(source);
      await settle();
      stop.abort();
      await running;
      expect(clock.pending).toEqual([]);
    }
  });
});

test('age counts from the last event, bookmark or begun watch; silence from the last answer, refusals included', async () => {
  const refusal = new WatchFailure('broken', 'forbidden', { isAnswer: true });
  const source = new ScriptedSource().watches([synced(5)], refusal, broken(60_000));
  const { clock, reflector } = run(source);
  await clock.advance(399);
  expect([reflector.age, reflector.silence]).toEqual([399, 399]);
  await clock.advance(30_001);
  expect([reflector.age, reflector.silence]).toEqual([30_400, 30_400]);
  await clock.advance(40_000);
  // The watch that began 60 s after the failure has told of nothing yet, but it stands.
  expect([reflector.age, reflector.silence]).toEqual([10_000, 10_000]);
  source.push(bookmark(6));
  await settle();
  expect([reflector.age, reflector.silence]).toEqual([0, 0]);
});
