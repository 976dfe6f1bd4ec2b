import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WorkQueue, type QueueMetrics } from '../../src/runtime/work-queue.ts';
import { ManualClock, settle } from './manual-clock.ts';

/** A promise's state without waiting for it. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  void promise.finally(() => (settled = true));
  await settle();
  return settled;
}

describe('client-go util/workqueue/queue_test.go', () => {
  test('TestBasic: 50 producers, 10 workers, every key worked on, none by two at once', async () => {
    const queue = new WorkQueue();
    const inWork = new Set<string>();
    const worked: string[] = [];
    const workers = Array.from({ length: 10 }, async () => {
      for (let key = await queue.get(); key !== undefined; key = await queue.get()) {
        expect(inWork.has(key)).toBe(false);
        inWork.add(key);
        await settle();
        inWork.delete(key);
        worked.push(key);
        queue.done(key);
      }
    });
    await Promise.all(
      Array.from({ length: 50 }, async (_, producer) => {
        for (let n = 0; n < 5; n++) {
          queue.add(String(producer));
          await settle();
        }
      }),
    );
    await queue.shutDownWithDrain();
    queue.add('added after shutdown');
    await Promise.all(workers);
    expect(new Set(worked).size).toBe(50);
    expect(worked).not.toContain('added after shutdown');
  });

  test('TestAddWhileProcessing: comes again after done, not before', async () => {
    const queue = new WorkQueue();
    queue.add('foo');
    expect(await queue.get()).toBe('foo');
    queue.add('foo');
    expect(queue.length).toBe(0);
    queue.done('foo');
    expect(queue.length).toBe(1);
    expect(await queue.get()).toBe('foo');
    queue.done('foo');
    expect(queue.length).toBe(0);
  });

  test('TestLen', () => {
    const queue = new WorkQueue();
    queue.add('foo');
    expect(queue.length).toBe(1);
    queue.add('bar');
    expect(queue.length).toBe(2);
    queue.add('foo');
    expect(queue.length).toBe(2);
  });

  test('TestReinsert', async () => {
    const queue = new WorkQueue();
    queue.add('foo');
    expect(await queue.get()).toBe('foo');
    queue.add('foo');
    queue.done('foo');
    expect(await queue.get()).toBe('foo');
    queue.done('foo');
    expect(queue.length).toBe(0);
  });

  test('TestCollapse: added twice, worked on once', async () => {
    const queue = new WorkQueue();
    queue.add('bar');
    queue.add('bar');
    expect(await queue.get()).toBe('bar');
    queue.done('bar');
    expect(queue.length).toBe(0);
  });

  test('TestCollapseWhileProcessing: added many times while worked on, comes once more', async () => {
    const queue = new WorkQueue();
    queue.add('foo');
    expect(await queue.get()).toBe('foo');
    queue.add('foo');
    queue.add('foo');
    queue.add('foo');
    const second = queue.get();
    expect(await isSettled(second)).toBe(false);
    queue.done('foo');
    expect(await second).toBe('foo');
    queue.done('foo');
    expect(queue.length).toBe(0);
  });

  test('TestQueueDrainageUsingShutDownWithDrain: waits for every key that is queued or under way', async () => {
    const queue = new WorkQueue();
    queue.add('foo');
    queue.add('bar');
    const [first, second] = [await queue.get(), await queue.get()];
    const drained = queue.shutDownWithDrain();
    expect(await isSettled(drained)).toBe(false);
    queue.done(first!);
    expect(await isSettled(drained)).toBe(false);
    queue.done(second!);
    await drained;
  });

  test('keys that are queued while none is under way are drained, too; an empty queue is drained at once', async () => {
    const queue = new WorkQueue();
    queue.add('foo');
    const drained = queue.shutDownWithDrain();
    expect(await isSettled(drained)).toBe(false);
    expect(await queue.get()).toBe('foo');
    expect(await isSettled(drained)).toBe(false);
    queue.done('foo');
    await drained;
    await new WorkQueue().shutDownWithDrain();
  });

  test('TestNoQueueDrainageUsingShutDown: returns at once', async () => {
    const queue = new WorkQueue();
    queue.add('foo');
    await queue.get();
    queue.shutDown();
    expect(queue.isShutDown).toBe(true);
    expect(await queue.get()).toBeUndefined();
  });

  test('TestForceQueueShutdownUsingShutDown: waiting workers are let go', async () => {
    const queue = new WorkQueue();
    const waiting = [queue.get(), queue.get()];
    queue.shutDown();
    expect(await Promise.all(waiting)).toEqual([undefined, undefined]);
  });

  test('TestQueueDrainageUsingShutDownWithDrainWithDirtyItem: a key made dirty while worked on is drained too', async () => {
    const queue = new WorkQueue();
    queue.add('foo');
    const key = await queue.get();
    queue.add('foo');
    const drained = queue.shutDownWithDrain();
    queue.done(key!);
    expect(await isSettled(drained)).toBe(false);
    expect(await queue.get()).toBe('foo');
    queue.done('foo');
    await drained;
    expect(await queue.get()).toBeUndefined();
  });

  test('a worker that gives up waiting takes no key with it', async () => {
    const queue = new WorkQueue();
    const stop = new AbortController();
    const [leaving, staying] = [queue.get(stop.signal), queue.get()];
    stop.abort();
    expect(await leaving).toBeUndefined();
    queue.add('foo');
    expect(await staying).toBe('foo');
    expect(await queue.get(stop.signal)).toBeUndefined();
  });

  test('done of a key nobody works on does nothing', () => {
    const queue = new WorkQueue();
    queue.add('foo');
    queue.done('foo');
    expect(queue.length).toBe(1);
  });
});

describe('client-go util/workqueue/delaying_queue_test.go', () => {
  test('TestSimpleQueue', async () => {
    const clock = new ManualClock();
    const queue = new WorkQueue({ clock });
    queue.addAfter('one', 50);
    await clock.advance(49);
    expect(queue.length).toBe(0);
    await clock.advance(1);
    expect(await queue.get()).toBe('one');
    queue.done('one');
    await clock.advance(10_000);
    expect(queue.length).toBe(0);
  });

  test('TestDeduping: the earliest of several delays wins', async () => {
    const clock = new ManualClock();
    const queue = new WorkQueue({ clock });
    queue.addAfter('one', 50);
    queue.addAfter('one', 70);
    await clock.advance(50);
    expect(await queue.get()).toBe('one');
    queue.done('one');
    await clock.advance(20);
    expect(queue.length).toBe(0);

    queue.addAfter('one', 50);
    queue.addAfter('one', 30);
    await clock.advance(30);
    expect(await queue.get()).toBe('one');
    queue.done('one');
    await clock.advance(20);
    expect(queue.length).toBe(0);
  });

  test('TestAddTwoFireEarly', async () => {
    const clock = new ManualClock();
    const queue = new WorkQueue({ clock });
    queue.addAfter('foo', 1_000);
    queue.addAfter('bar', 50);
    queue.addAfter('baz', 50);
    await clock.advance(60);
    expect([await queue.get(), await queue.get()]).toEqual(['bar', 'baz']);
    await clock.advance(1_000);
    expect(await queue.get()).toBe('foo');
  });

  test('TestCopyShifting: ready in the order of their times', async () => {
    const clock = new ManualClock();
    const queue = new WorkQueue({ clock });
    queue.addAfter('first', 1_000);
    queue.addAfter('second', 500);
    queue.addAfter('third', 250);
    await clock.advance(2_000);
    expect([await queue.get(), await queue.get(), await queue.get()]).toEqual(['third', 'second', 'first']);
  });

  test.each([0, -1, Number.NaN])('a delay of %d is none', (ms) => {
    const queue = new WorkQueue({ clock: new ManualClock() });
    queue.addAfter('foo', ms);
    expect(queue.length).toBe(1);
  });

  test('shutting down drops what is delayed and leaves no timer', async () => {
    const clock = new ManualClock();
    const queue = new WorkQueue({ clock });
    queue.addAfter('foo', 50);
    queue.shutDown();
    expect(clock.pending).toEqual([]);
    queue.addAfter('bar', 50);
    await clock.advance(100);
    expect(queue.length).toBe(0);
  });
});

describe('client-go util/workqueue/default_rate_limiters_test.go, rate_limiting_queue_test.go', () => {
  test('TestItemExponentialFailureRateLimiter: 5 ms, doubling, a key at a time, forgotten on success', () => {
    const queue = new WorkQueue({ clock: new ManualClock(), maxDelayMs: 1_000 });
    const delays = (key: string, times: number) => Array.from({ length: times }, () => queue.addRateLimited(key));
    expect(delays('one', 5)).toEqual([5, 10, 20, 40, 80]);
    expect(queue.failures('one')).toBe(5);
    expect(delays('two', 2)).toEqual([5, 10]);
    queue.forget('one');
    expect(queue.failures('one')).toBe(0);
    expect(delays('one', 1)).toEqual([5]);
    expect(delays('one', 9).slice(-2)).toEqual([1_000, 1_000]);
  });

  test('a back-off is never shorter than the wait that was asked for', () => {
    const queue = new WorkQueue({ clock: new ManualClock() });
    expect(queue.addRateLimited('one', 7_000)).toBe(7_000);
    expect(queue.addRateLimited('one', 1)).toBe(10);
  });

  test('TestItemExponentialFailureRateLimiterOverFlow: thousands of failures stay at the cap', () => {
    const queue = new WorkQueue({ clock: new ManualClock() });
    for (let n = 0; n < 2_000; n++) queue.addRateLimited('one');
    expect(queue.addRateLimited('one')).toBe(1_000_000);
  });

  test('TestRateLimitingQueue: comes back after its back-off', async () => {
    const clock = new ManualClock();
    const queue = new WorkQueue({ clock, baseDelayMs: 1 });
    queue.addRateLimited('one');
    await clock.advance(1);
    expect(await queue.get()).toBe('one');
    queue.addRateLimited('one');
    queue.done('one');
    await clock.advance(1);
    expect(queue.length).toBe(0);
    await clock.advance(1);
    expect(queue.length).toBe(1);
  });
});

test('client-go metrics_test.go, TestMetrics: depth, adds, waiting and working time', async () => {
  const clock = new ManualClock();
  const seen: [string, number?][] = [];
  const metrics: QueueMetrics = {
    depth: (n) => seen.push(['depth', n]),
    added: () => seen.push(['added']),
    started: (s) => seen.push(['started', s]),
    finished: (s) => seen.push(['finished', s]),
    retried: () => seen.push(['retried']),
  };
  const queue = new WorkQueue({ clock, metrics });
  queue.add('foo');
  queue.add('foo');
  await clock.advance(50);
  await queue.get();
  await clock.advance(250);
  queue.done('foo');
  queue.addRateLimited('foo');
  expect(seen).toEqual([['added'], ['depth', 1], ['started', 0.05], ['depth', 0], ['finished', 0.25], ['retried']]);
});

test('first in, first out, over ten thousand keys', async () => {
  const queue = new WorkQueue();
  const keys = Array.from({ length: 10_000 }, (_, n) => String(n));
  for (const key of keys) queue.add(key);
  const taken: string[] = [];
  while (queue.length > 0) taken.push((await queue.get())!);
  expect(taken).toEqual(keys);
});

/**
 * Whatever the order in which adds, takes and dones interleave: no key is with two workers, and every add is followed
 * by work on its key that starts after it.
 */
test('property: one worker a key, and no add is lost', async () => {
  const action = fc.record({
    do: fc.constantFrom('add' as const, 'addAfter' as const, 'addRateLimited' as const),
    key: fc.constantFrom('a', 'b', 'c'),
    ms: fc.nat({ max: 20 }),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(action, { maxLength: 30 }),
      fc.integer({ min: 1, max: 4 }),
      async (s, actions, count) => {
        const clock = new ManualClock();
        const queue = new WorkQueue({ clock });
        const inWork = new Set<string>();
        const owed = new Map<string, number>();
        let step = 0;
        const workers = Array.from({ length: count }, async () => {
          for (let key = await queue.get(); key !== undefined; key = await queue.get()) {
            if (inWork.has(key)) throw new Error(`${key} is with two workers`);
            inWork.add(key);
            const startedAt = ++step;
            await s.schedule(Promise.resolve(), `work ${key}`);
            inWork.delete(key);
            if ((owed.get(key) ?? Infinity) < startedAt) owed.delete(key);
            queue.done(key);
          }
        });
        const sequence = s.scheduleSequence(
          actions.map((act) => ({
            label: `${act.do} ${act.key}`,
            builder: async () => {
              owed.set(act.key, ++step);
              if (act.do === 'add') queue.add(act.key);
              else if (act.do === 'addAfter') queue.addAfter(act.key, act.ms);
              else queue.addRateLimited(act.key);
            },
          })),
        );
        await s.waitFor(sequence.task);
        for (let n = 0; owed.size > 0 && n < 200; n++) {
          await s.waitIdle();
          await clock.advance(2 ** Math.min(n, 25));
        }
        expect([...owed.keys()]).toEqual([]);
        queue.shutDown();
        await s.waitIdle();
        await Promise.all(workers);
        expect(inWork.size).toBe(0);
      },
    ),
    { numRuns: 200 },
  );
});
