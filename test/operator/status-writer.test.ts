import { describe, expect, test } from 'vitest';
import { EMPTY_STATUS, type HistoryEntry } from '../../src/core/configreload.ts';
import { findCondition, repairStatus } from '../../src/core/status.ts';
import { ApiError, type ApiErrorKind } from '../../src/kube/api-error.ts';
import type { Observation } from '../../src/operator/observe.ts';
import type { ReloadPort, StoredReload } from '../../src/operator/ports.ts';
import { StatusWriter } from '../../src/operator/status-writer.ts';

const never = new AbortController().signal;
const [entry] = repairStatus({ history: [{} as HistoryEntry] }).history as [HistoryEntry];
const entries = (count: number) => Array.from({ length: count }, (_, index) => ({ ...entry, id: `e${index}` }));

/** A writer over a ConfigReload with a full history, whose writes are refused as `refusals` say, one after the other. */
function writer(...refusals: ApiErrorKind[]) {
  const written: (typeof EMPTY_STATUS)[] = [];
  const stored: StoredReload = { uid: 'u', resourceVersion: '1', generation: 1, ownerUid: 's', status: undefined };
  const status = { ...EMPTY_STATUS, history: entries(100) };
  const reloads: Pick<ReloadPort, 'read' | 'writeStatus'> = {
    read: async () => stored,
    writeStatus: async (_key, _stored, next) => {
      written.push(next);
      const kind = refusals.shift();
      if (kind) throw new ApiError({ kind, message: 'refused' });
      return stored;
    },
  };
  const observed = { source: { uid: 's' }, stored, status, reading: { kind: 'notOptedIn' } } as unknown as Observation;
  const clock = { now: () => new Date(0) };
  return { written, writer: new StatusWriter('ns/name', observed, { reloads, clock } as never) };
}

describe('F33: a status that is refused', () => {
  test.each<ApiErrorKind>(['TooLarge', 'Invalid'])(
    'as %s is written once more, with the newest of its history',
    async (kind) => {
      const { written, writer: it } = writer(kind);
      expect(await it.write({ entry: { ...entry, id: 'new' } }, never)).toBe(true);
      expect(written.map(({ history }) => history.length)).toEqual([100, 10]);
      expect(written[1]?.history.map(({ id }) => id).slice(0, 2)).toEqual(['new', 'e0']);
      expect(written.map((status) => findCondition(status, 'HistoryDegraded')?.reason)).toEqual([
        undefined,
        'StatusRefused',
      ]);
      // What was written is what is known from now on.
      expect(it.status.history).toHaveLength(10);
    },
  );

  test('is degraded until there is something new to say, and then tried as a whole again', async () => {
    const { written, writer: it } = writer('TooLarge');
    const change = { entry: { ...entry, id: 'new' } };
    await it.write(change, never);
    expect(await it.write(change, never)).toBe(false);
    expect(await it.write({ entry: { ...entry, id: 'newer' } }, never)).toBe(true);
    expect(findCondition(it.status, 'HistoryDegraded')).toBeUndefined();
    expect(written.at(-1)?.history).toHaveLength(11);
  });

  test('twice is given up: a third write would be refused as well', async () => {
    const { written, writer: it } = writer('TooLarge', 'TooLarge');
    await expect(it.write({ entry: { ...entry, id: 'new' } }, never)).rejects.toMatchObject({ kind: 'TooLarge' });
    expect(written).toHaveLength(2);
  });

  test('as forbidden is not written again here: the work queue waits longer and longer', async () => {
    const { written, writer: it } = writer('Forbidden');
    await expect(it.write({ entry: { ...entry, id: 'new' } }, never)).rejects.toMatchObject({ kind: 'Forbidden' });
    expect(written).toHaveLength(1);
  });
});

describe('F13: a status that conflicts', () => {
  test('is written on top of what somebody else wrote, a bounded number of times', async () => {
    const few = writer('Conflict', 'Conflict');
    expect(await few.writer.write({ entry: { ...entry, id: 'new' } }, never)).toBe(true);
    expect(few.written).toHaveLength(3);
    const many = writer(...Array<ApiErrorKind>(50).fill('Conflict'));
    await expect(many.writer.write({ entry: { ...entry, id: 'new' } }, never)).rejects.toMatchObject({
      kind: 'Conflict',
    });
    expect(many.written).toHaveLength(9);
  });

  test('is not written again where it says what is about to happen: somebody else may be at it', async () => {
    const { written, writer: it } = writer('Conflict');
    await expect(it.write({ observedHash: 'x' }, never, { isFence: true })).rejects.toMatchObject({ kind: 'Conflict' });
    expect(written).toHaveLength(1);
  });
});
