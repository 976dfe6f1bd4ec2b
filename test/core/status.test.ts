import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EMPTY_STATUS, type HistoryEntry, NO_TARGETS, type PodStatus } from '../../src/core/configreload.ts';
import {
  findCondition,
  isSameStatus,
  nextStatus,
  repairStatus,
  revisionFor,
  type StatusChange,
} from '../../src/core/status.ts';

const now = new Date('2026-11-24T10:00:00.123Z');
const later = new Date('2026-11-24T11:00:00.456Z');
const context = (at = now, historyLimit = 100) => ({ generation: 3, now: at, historyLimit });
const hash = (digit: string) => `sha256:${digit.repeat(64)}`;

const entry = (change: Partial<HistoryEntry> = {}): HistoryEntry => ({
  id: 'id-1', timestamp: now.toISOString(), trigger: 'configmap', result: 'success', reason: 'Reloaded', oldHash: hash('a'), newHash: hash('b'),
  revision: 2, changes: [], errorMessage: '', durationMs: 12, author: 'kubectl', targets: NO_TARGETS, ...change,
}); // prettier-ignore
const podStatus = (name: string, change: Partial<PodStatus> = {}): PodStatus => ({
  name, uid: `uid-${name}`, container: 'app', containerID: 'c', strategy: 'endpoint', hash: hash('b'), result: 'success', reason: 'EndpointConfirmed', message: '', time: '', ...change,
}); // prettier-ignore
const valid = (status: 'True' | 'False', message = 'm') => ({ type: 'Valid', status, reason: 'R', message }) as const;

describe('conditions', () => {
  it('keep the time of their last transition until their status changes', () => {
    const first = nextStatus(undefined, { conditions: [valid('True')] }, context());
    const same = nextStatus(first, { conditions: [valid('True', 'other')] }, context(later));
    const turned = nextStatus(same, { conditions: [valid('False')] }, context(later));
    expect(findCondition(first, 'Valid')).toMatchObject({
      lastTransitionTime: '2026-11-24T10:00:00Z',
      observedGeneration: 3,
    });
    expect(findCondition(same, 'Valid')).toMatchObject({
      lastTransitionTime: '2026-11-24T10:00:00Z',
      message: 'other',
    });
    expect(findCondition(turned, 'Valid')).toMatchObject({
      lastTransitionTime: '2026-11-24T11:00:00Z',
      status: 'False',
    });
  });
  it('are a map by type, with a reason that the API server takes', () => {
    const both = nextStatus(
      undefined,
      { conditions: [valid('True'), { ...valid('True'), type: 'Reloaded' }, valid('False')] },
      context(),
    );
    expect(both.conditions.map(({ type }) => type)).toEqual(['Valid', 'Reloaded']);
  });
});

describe('history and stats', () => {
  it('count an entry once, however often its write is repeated', () => {
    const once = nextStatus(undefined, { entry: entry() }, context());
    const twice = nextStatus(once, { entry: entry() }, context());
    expect(isSameStatus(once, twice)).toBe(true);
    expect(twice.stats).toMatchObject({
      totalReloads: 1,
      successfulReloads: 1,
      failedReloads: 0,
      lastReloadResult: 'success',
    });
  });
  it('are newest first and bounded by the limit', () => {
    let status = EMPTY_STATUS;
    for (let n = 1; n <= 150; n++)
      status = nextStatus(
        status,
        { entry: entry({ id: `id-${n}`, result: n % 2 ? 'io_error' : 'success' }) },
        context(),
      );
    expect(status.history).toHaveLength(100);
    expect(status.history[0]?.id).toBe('id-150');
    expect(status.stats).toMatchObject({ totalReloads: 150, successfulReloads: 75, failedReloads: 75 });
    expect(nextStatus(status, {}, context(now, 5)).history).toHaveLength(5);
  });
});

describe('what is applied', () => {
  const desired: StatusChange = { desiredHash: hash('b'), desiredRevision: 2 };
  it('is the wanted text once all targets run it, and then the last known good one', () => {
    expect(nextStatus(undefined, { ...desired, isApplied: false }, context())).toMatchObject({
      appliedHash: '',
      lastKnownGood: { revision: 0 },
    });
    expect(nextStatus(undefined, { ...desired, isApplied: true }, context())).toMatchObject({
      appliedHash: hash('b'), appliedRevision: 2, lastKnownGood: { revision: 2, hash: hash('b'), time: '2026-11-24T10:00:00Z' },
    }); // prettier-ignore
  });
  it('keeps its time while it stays', () => {
    const first = nextStatus(undefined, { ...desired, isApplied: true }, context());
    expect(isSameStatus(first, nextStatus(first, { ...desired, isApplied: true }, context(later)))).toBe(true);
  });
});

describe('revisions', () => {
  const status = (change: object) => ({ ...EMPTY_STATUS, ...change });
  it.each([
    ['the first is 1', status({}), 'a', 1],
    ['the newest text keeps its own', status({ desiredHash: hash('b'), desiredRevision: 4 }), 'b', 4],
    ['the last known good keeps its own', status({ lastKnownGood: { revision: 2, hash: hash('b'), time: '' }, history: [entry({ revision: 3, newHash: hash('c') })] }), 'b', 2],
    ['another text gets the next', status({ history: [entry({ revision: 7 })], desiredRevision: 5, desiredHash: hash('c') }), 'd', 8],
    ['refused texts have none', status({ history: [entry({ revision: 0, newHash: hash('f') })] }), 'f', 1],
  ] as const)('%s', (_name, before, digit, expected) => expect(revisionFor(hash(digit), before)).toBe(expected)); // prettier-ignore
});

describe('pods', () => {
  it('are at most 50, failing first', () => {
    const many = Array.from({ length: 80 }, (_, n) =>
      podStatus(`p${n}`, n === 70 ? { result: 'io_error' } : n > 75 ? { result: 'pending' } : {}),
    );
    const { pods, podsReady } = nextStatus(
      undefined,
      { pods: many, targets: { ...NO_TARGETS, total: 80, reloaded: 75 } },
      context(),
    );
    expect(pods).toHaveLength(50);
    expect(pods.slice(0, 5).map(({ name }) => name)).toEqual(['p70', 'p76', 'p77', 'p78', 'p79']);
    expect(podsReady).toBe('75/80');
  });
});

it('stays below 256 KiB whatever is put into it', () => {
  const text = fc.string({ unit: 'grapheme', minLength: 0, maxLength: 4000 });
  const changes = fc.array(
    fc.record({ path: fc.constant('memory.emergency_threshold_percent'), from: fc.integer(), to: fc.integer() }),
    { minLength: 13, maxLength: 40 },
  );
  fc.assert(
    fc.property(text, changes, (message, diff) => {
      let status = EMPTY_STATUS;
      const pods = Array.from({ length: 300 }, (_, n) =>
        podStatus(`${'n'.repeat(240)}${n}`, {
          container: 'c'.repeat(63),
          containerID: 'containerd://'.padEnd(77, 'f'),
          message,
          result: 'io_error',
          reason: 'EndpointAddressRefused',
          time: now.toISOString(),
        }),
      );
      for (let n = 0; n < 100; n++) {
        status = nextStatus(
          status,
          {
            entry: entry({
              id: `${n}`.padStart(36, '0'),
              result: 'io_error',
              reason: 'TargetsFailed',
              errorMessage: message,
              changes: diff,
              author: 'a'.repeat(128),
            }),
            pods,
          },
          context(),
        );
      }
      status = nextStatus(
        status,
        {
          conditions: (['Valid', 'Reloaded', 'Progressing'] as const).map((type) => ({
            ...valid('False', message),
            type,
          })),
        },
        context(),
      );
      expect(Buffer.byteLength(JSON.stringify(status))).toBeLessThan(256 * 1024);
    }),
    { numRuns: 20 },
  );
});

it('is not written again for the order of its fields, or for what the API server leaves out', () => {
  const written = nextStatus(
    undefined,
    { entry: entry(), pods: [podStatus('a')], conditions: [valid('True')] },
    context(),
  );
  const reversed = (value: unknown): unknown =>
    Array.isArray(value)
      ? value.map(reversed)
      : typeof value === 'object' && value !== null
        ? Object.fromEntries(
            Object.entries(value)
              .toReversed()
              .map(([key, inner]) => [key, reversed(inner)]),
          )
        : value;
  const stored = JSON.parse(
    JSON.stringify(reversed(written), (_key, value: unknown) => (value === '' ? undefined : value)),
  ) as typeof written;
  expect(isSameStatus(repairStatus(stored), written)).toBe(true);
  expect(isSameStatus({ ...written, appliedRevision: 9 }, written)).toBe(false);
});

it('gives fields back that were empty, and so not stored', () => {
  const stored = { pods: [{ name: 'a' }, null, 7], history: [{ id: 'x' }, 'y'] } as never;
  expect(repairStatus(stored)).toMatchObject({
    pods: [{ name: 'a', message: '', hash: '', strategy: 'none' }],
    history: [{ id: 'x', changes: [], errorMessage: '', targets: NO_TARGETS }],
  });
  expect(() => nextStatus(stored, { pods: repairStatus(stored).pods }, context())).not.toThrow();
});

it('reads a status that other hands have damaged', () => {
  const damaged = { history: 'x', pods: null, conditions: 7, stats: undefined, equivalentHashes: {} } as never;
  expect(repairStatus(damaged)).toMatchObject({
    history: [],
    pods: [],
    conditions: [],
    equivalentHashes: [],
    stats: { totalReloads: 0 },
  });
  expect(() => nextStatus(damaged, { entry: entry() }, context())).not.toThrow();
});
