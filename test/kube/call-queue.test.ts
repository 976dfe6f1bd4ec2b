import { describe, expect, test } from 'vitest';
import { CallQueue, type Urgency } from '../../src/kube/call-queue.ts';

/** A queue of one lane whose calls end when they are told to. */
function scene(width = 1) {
  let now = 0;
  const queue = new CallQueue({ width, now: () => now });
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const call = (name: string, urgency: Urgency, signal?: AbortSignal) =>
    queue.run(urgency, signal, async () => {
      begun.push(name);
      await new Promise<void>((resolve) => ends.set(name, resolve));
      return name;
    });
  const end = async (name: string) => {
    ends.get(name)!();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { call, end, begun, pass: (ms: number) => (now += ms) };
}

describe('CallQueue', () => {
  test('lets so many through at once and gives their results', async () => {
    const { call, end, begun } = scene(2);
    const [one, , three] = [call('1', 'act'), call('2', 'act'), call('3', 'act')];
    expect(begun).toEqual(['1', '2']);
    await end('1');
    expect([await one, begun]).toEqual(['1', ['1', '2', '3']]);
    await end('3');
    expect(await three).toBe('3');
  });

  test('the urgent ones first, each kind in its order', async () => {
    const { call, end, begun } = scene();
    for (const [name, urgency] of [
      ['0', 'act'],
      ['t', 'tell'],
      ['r1', 'record'],
      ['r2', 'record'],
      ['a1', 'act'],
      ['a2', 'act'],
    ] as const) {
      void call(name, urgency);
    }
    for (const name of ['0', 'a1', 'a2', 'r1', 'r2']) await end(name);
    expect(begun).toEqual(['0', 'a1', 'a2', 'r1', 'r2', 't']);
  });

  test('a long rush starves nobody: who waited long enough goes before what is urgent', async () => {
    const { call, end, begun, pass } = scene();
    void call('0', 'act');
    void call('tell', 'tell');
    void call('record', 'record');
    for (const name of ['a1', 'a2', 'a3', 'a4']) void call(name, 'act');
    pass(2_499);
    await end('0');
    pass(1);
    await end('a1');
    pass(2_500);
    await end('record');
    await end('tell');
    expect(begun).toEqual(['0', 'a1', 'record', 'tell', 'a2']);
  });

  test('a call that fails gives its place on', async () => {
    const { call, begun } = scene();
    const queue = new CallQueue({ width: 1 });
    await expect(queue.run('act', undefined, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await queue.run('act', undefined, () => Promise.resolve('yes'))).toBe('yes');
    void call('x', 'act');
    expect(begun).toEqual(['x']);
  });

  test('who gives up while it waits is not begun, and takes no place with it', async () => {
    const { call, end, begun } = scene();
    const stop = new AbortController();
    void call('0', 'act');
    const left = call('1', 'act', stop.signal);
    void call('2', 'act');
    stop.abort(new Error('stopped'));
    await expect(left).rejects.toThrow('stopped');
    await end('0');
    expect(begun).toEqual(['0', '2']);
    await expect(call('3', 'act', stop.signal)).rejects.toThrow('stopped');
    await end('2');
    void call('4', 'act');
    expect(begun.at(-1)).toBe('4');
  });
});
