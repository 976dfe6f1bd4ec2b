import { describe, expect, test } from 'vitest';
import { Controller, type ControllerOptions } from '../../src/runtime/controller.ts';
import { awaitChange, requeueAfter, TerminalError } from '../../src/runtime/reconciler.ts';
import { WorkQueue } from '../../src/runtime/work-queue.ts';
import { ManualClock, settle } from './manual-clock.ts';

function scene(reconcile: ControllerOptions<string>['reconcile'], workers = 2) {
  const clock = new ManualClock();
  const queue = new WorkQueue({ clock });
  const failures: [string, string, number | undefined][] = [];
  const controller = new Controller({
    queue,
    reconcile,
    workers,
    clock,
    hooks: { failed: (key, error, ms) => failures.push([key, (error as Error).message, ms]) },
  });
  const stop = new AbortController();
  const abort = new AbortController();
  let hasEnded = false;
  const run = () =>
    controller.run({ stop: stop.signal, graceMs: 20_000, abort: abort.signal }).then(() => (hasEnded = true));
  return { clock, queue, failures, stop, abort, run, hasEnded: () => hasEnded };
}

describe('controller-runtime controller_test.go', () => {
  test('"should requeue a Request if there is an error and continue processing items"', async () => {
    const seen: string[] = [];
    const { queue, clock, failures, run } = scene(async (key) => {
      seen.push(key);
      if (key === 'bad' && seen.length < 3) throw new Error('no luck');
      return awaitChange();
    });
    void run();
    queue.add('bad');
    queue.add('good');
    await clock.advance(100);
    expect(seen).toEqual(['bad', 'good', 'bad']);
    expect(failures).toEqual([['bad', 'no luck', 5]]);
    expect(queue.failures('bad')).toBe(0);
  });

  test('"should requeue a Request after a duration (but not rate-limited) if the Result sets RequeueAfter"', async () => {
    const at: number[] = [];
    const { queue, clock, run } = scene(async () => {
      at.push(clock.now());
      return at.length < 3 ? requeueAfter(1_000) : awaitChange();
    });
    void run();
    queue.add('a');
    await clock.advance(10_000);
    expect(at).toEqual([0, 1_000, 2_000]);
    expect(queue.failures('a')).toBe(0);
  });

  test('"should not requeue a Request if there is a terminal error", and a later change begins its back-off anew', async () => {
    const errors = [new Error('once'), new TerminalError('never'), new Error('anew')];
    const { queue, clock, failures, run } = scene(async () => {
      const error = errors.shift();
      if (error) throw error;
      return awaitChange();
    });
    void run();
    queue.add('a');
    await clock.advance(60_000);
    queue.add('a');
    await clock.advance(60_000);
    expect(failures).toEqual([
      ['a', 'once', 5],
      ['a', 'never', undefined],
      ['a', 'anew', 5],
    ]);
  });

  test('"should not run two reconciles of one key at once"', async () => {
    let running = 0;
    let most = 0;
    const { queue, clock, run } = scene(async () => {
      most = Math.max(most, ++running);
      await settle();
      running--;
      return awaitChange();
    }, 8);
    void run();
    for (let n = 0; n < 20; n++) {
      queue.add('a');
      await clock.advance(1);
    }
    expect(most).toBe(1);
  });
});

test('F7: what a throttling server asked to wait is waited, even where the back-off is shorter', async () => {
  const at: number[] = [];
  const { queue, clock, run } = scene(async () => {
    at.push(clock.now());
    if (at.length === 1) throw Object.assign(new Error('throttled'), { retryAfterMs: 7_000 });
    return awaitChange();
  });
  void run();
  queue.add('a');
  await clock.advance(60_000);
  expect(at).toEqual([0, 7_000]);
});

test('a hook that throws, and a reconcile that throws at once, end no worker', async () => {
  const clock = new ManualClock();
  const queue = new WorkQueue({ clock });
  const seen: string[] = [];
  const controller = new Controller({
    queue,
    workers: 1,
    clock,
    reconcile: (key) => {
      seen.push(key);
      if (key === 'bad') throw new TerminalError('at once');
      return Promise.resolve(awaitChange());
    },
    hooks: {
      failed: () => {
        throw new Error('hook');
      },
    },
  });
  void controller.run({ stop: new AbortController().signal, graceMs: 0 });
  queue.add('bad');
  queue.add('good');
  await clock.advance(1);
  expect(seen).toEqual(['bad', 'good']);
});

describe('stopping', () => {
  const slow = () => {
    const started: string[] = [];
    const aborted: string[] = [];
    const finish = Promise.withResolvers<void>();
    const made = scene(async (key, signal) => {
      started.push(key);
      const cut = Promise.withResolvers<never>();
      signal.addEventListener('abort', () => {
        aborted.push(key);
        cut.reject(signal.reason as Error);
      });
      await Promise.race([finish.promise, cut.promise]);
      return requeueAfter(1);
    });
    return { ...made, started, aborted, finish };
  };

  test('F43: what is under way ends in peace, what waits is not begun', async () => {
    const { queue, stop, run, started, aborted, finish, hasEnded, clock } = slow();
    void run();
    for (const key of ['a', 'b', 'c']) queue.add(key);
    await settle();
    stop.abort();
    await clock.advance(19_999);
    expect([started, aborted, hasEnded()]).toEqual([['a', 'b'], [], false]);
    finish.resolve();
    await settle();
    expect([started, aborted, hasEnded()]).toEqual([['a', 'b'], [], true]);
    expect(clock.pending).toEqual([]);
  });

  test('what does not end within the grace period is cut, and is no failure', async () => {
    const { queue, stop, run, aborted, failures, hasEnded, clock } = slow();
    void run();
    queue.add('a');
    await settle();
    stop.abort();
    await clock.advance(20_000);
    expect([aborted, failures, hasEnded()]).toEqual([['a'], [], true]);
  });

  test('F15: a lost lease cuts everything at once', async () => {
    const { queue, abort, run, started, aborted, hasEnded } = slow();
    void run();
    for (const key of ['a', 'b', 'c']) queue.add(key);
    await settle();
    abort.abort(new Error('lost'));
    await settle();
    expect([started, aborted, hasEnded()]).toEqual([['a', 'b'], ['a', 'b'], true]);
  });

  test('before it began: nothing is begun', async () => {
    const { queue, stop, run, started, hasEnded } = slow();
    queue.add('a');
    stop.abort();
    void run();
    await settle();
    expect([started, hasEnded()]).toEqual([[], true]);
  });
});
