import { describe, expect, it } from 'vitest';
import { readPolicy } from '../../src/core/annotations.ts';
import { EMPTY_STATUS, type ConfigReloadStatus, type PodStatus } from '../../src/core/configreload.ts';
import { decide, type Observed } from '../../src/core/decide.ts';
import type { ReloadPlan } from '../../src/core/plan-reload.ts';
import { policyFingerprint } from '../../src/core/policy-fingerprint.ts';
import { overrideOf } from '../../src/core/rollback.ts';
import type { Target } from '../../src/core/target.ts';
import { requestToken } from '../../src/core/target-record.ts';
import { validateConfig } from '../../src/core/validate-config.ts';

const now = new Date('2026-11-24T10:00:00Z');
const text = (total: number, comment = '') =>
  `${comment}version: "2.0"\nmemory: {total_budget_mb: ${total}}\nprojects: {}\nperformance: {}\n`;
const accept = (content: string) => {
  const outcome = validateConfig(content);
  if (!outcome.valid) throw new Error(JSON.stringify(outcome));
  return outcome;
};
const [A, B] = [accept(text(3072)), accept(text(4096))];

function policyOf(annotations: Record<string, string> = {}) {
  const reading = readPolicy(
    Object.fromEntries(
      Object.entries({ enabled: 'true', ...annotations }).map(([key, value]) => [`reload.leindex.io/${key}`, value]),
    ),
  );
  if (reading.kind !== 'optedIn') throw new Error(reading.kind);
  return reading;
}

const target = (pod: string, hash?: string, change: Partial<Target> = {}): Target => ({
  namespace: 'ns', pod, uid: `uid-${pod}`, container: 'app', isMounted: true,
  running: { containerId: `c-${pod}`, restartCount: 0, startedAt: 0, isReady: true },
  channel: { kind: 'signal', signal: 'SIGHUP', process: undefined, file: '/f' },
  record: hash === undefined ? undefined : { hash, containerId: `c-${pod}`, request: '' },
  ...change,
}); // prettier-ignore

/** All targets run A, as revision 1. */
const running = (change: Partial<ConfigReloadStatus> = {}): ConfigReloadStatus => ({
  ...EMPTY_STATUS,
  observedHash: A.hash, desiredHash: A.hash, desiredRevision: 1, appliedHash: A.hash, appliedRevision: 1, revisionTime: '2026-11-24T09:00:00Z',
  observedPolicy: policyFingerprint(policyOf().policy),
  lastKnownGood: { revision: 1, hash: A.hash, time: '' },
  conditions: [{ type: 'Progressing', status: 'False', reason: 'Done', message: '', observedGeneration: 1, lastTransitionTime: '' }],
  ...change,
}); // prettier-ignore

function observed(outcome: typeof A, targets: Target[], change: Partial<Observed> = {}): Observed {
  return {
    reading: policyOf(),
    config: {
      kind: 'accepted',
      key: 'k',
      content: new Uint8Array(),
      outcome,
      sourceHash: outcome.hash,
      rollback: undefined,
    },
    status: running(),
    found: { targets, skipped: [], pending: [] },
    appliedConfig: null,
    ...change,
  };
}
const planOf = (seen: Observed) => decide(seen, now) as ReloadPlan;
const names = (targets: readonly Target[]) => targets.map(({ pod }) => pod);
const failed = (pod: string, reason: string, hash = B.hash): PodStatus => ({
  name: pod, uid: `uid-${pod}`, container: 'app', containerID: `c-${pod}`, strategy: 'signal', hash, result: 'io_error', reason, message: '', time: '',
}); // prettier-ignore

describe('what touches nobody', () => {
  const missing = { kind: 'keyMissing', message: 'no key' } as const;
  const rejected = { kind: 'rejected', key: 'k', outcome: validateConfig('memory: 1') as never } as const;
  it.each([
    ['not opted in', { reading: { kind: 'notOptedIn' } }, { kind: 'ignore' }],
    ['a bad annotation', { reading: { kind: 'malformed', problems: [{ annotation: 'timeout', value: 'x', expected: 'y' }] } }, { kind: 'reject', reason: 'InvalidAnnotation' }],
    ['no key', { config: missing }, { kind: 'reject', reason: 'KeyMissing' }],
    ['an invalid text', { config: rejected }, { kind: 'reject', reason: 'ValidationFailed' }],
    ['an invalid text while paused is still refused', { config: rejected, reading: policyOf({ paused: 'true' }) }, { kind: 'reject' }],
    ['paused', { reading: policyOf({ paused: 'true' }) }, { kind: 'pause' }],
    ['a dry run', { reading: policyOf({ 'dry-run': 'true' }) }, { kind: 'dryRun' }],
    ['a rollback to what is not there', { config: { kind: 'rollbackImpossible', sourceHash: A.hash, message: 'm' } }, { kind: 'hold', reason: 'RollbackImpossible' }],
  ] as [string, Partial<Observed>, object][])('%s', (_name, change, expected) => {
    expect(decide(observed(B, [target('a', A.hash)], change), now)).toMatchObject(expected);
  }); // prettier-ignore
});

describe('a reload', () => {
  it('brings those that run another text, and those of which nothing is known', () => {
    const plan = planOf(observed(B, [target('a', A.hash), target('b', B.hash), target('c')]));
    expect([names(plan.due), names(plan.settled), plan.isNew, plan.revision, plan.trigger]).toEqual([
      ['a', 'c'],
      ['b'],
      true,
      2,
      'configmap',
    ]);
  });
  it('has nothing to do when all run it', () => {
    const plan = planOf(observed(A, [target('a', A.hash)]));
    expect([plan.due, plan.isNew, plan.revision]).toEqual([[], false, 1]);
  });
  it('goes on where it was: no new revision, no new start', () => {
    const status = running({ observedHash: B.hash, desiredHash: B.hash, desiredRevision: 2 });
    const plan = planOf(observed(B, [target('a', B.hash), target('b', A.hash)], { status }));
    expect([names(plan.due), plan.isNew, plan.revision]).toEqual([['b'], false, 2]);
  });
  it('leaves those alone that failed for good, until something changes', () => {
    const status = running({
      observedHash: B.hash,
      desiredHash: B.hash,
      desiredRevision: 2,
      pods: [failed('a', 'SignalNotHandled'), failed('b', 'ExecFailed')],
    });
    const seen = observed(B, [target('a', A.hash), target('b', A.hash)], { status });
    expect([names(planOf(seen).due), names(planOf(seen).stuck)]).toEqual([['b'], ['a']]);
    const restarted = {
      ...seen,
      found: {
        ...seen.found,
        targets: [
          target('a', A.hash, { running: { containerId: 'new', restartCount: 1, startedAt: 0, isReady: true } }),
        ],
      },
    };
    expect(names(planOf(restarted).due)).toEqual(['a']);
    expect(names(planOf({ ...seen, reading: policyOf({ signal: 'SIGUSR1' }) }).due)).toEqual(['a', 'b']);
  });
  it('stays halted, until text, policy or request change', () => {
    const conditions = [
      {
        type: 'Progressing',
        status: 'False',
        reason: 'RolloutHalted',
        message: '',
        observedGeneration: 1,
        lastTransitionTime: '',
      },
    ] as const;
    const status = running({ observedHash: B.hash, desiredHash: B.hash, desiredRevision: 2, conditions });
    const seen = observed(B, [target('a', A.hash)], { status });
    expect(decide(seen, now).kind).toBe('stayHalted');
    expect(decide({ ...seen, reading: policyOf({ timeout: '5s' }) }, now).kind).toBe('reload');
    expect(decide({ ...seen, reading: policyOf({ 'requested-at': '1' }) }, now).kind).toBe('reload');
    expect(decide(observed(A, [], { status }), now).kind).toBe('reload');
  });
});

describe('requested-at', () => {
  const reading = policyOf({ 'requested-at': 'now' });
  it('reloads those that run the text already', () => {
    const plan = planOf(observed(A, [target('a', A.hash)], { reading }));
    expect([names(plan.due), plan.isForced, plan.trigger]).toEqual([['a'], true, 'requested']);
  });
  it('is served target by target', () => {
    const served = target('a', A.hash, { record: { hash: A.hash, containerId: 'c-a', request: requestToken('now') } });
    const conditions = [
      {
        type: 'Progressing',
        status: 'True',
        reason: 'Requested',
        message: '',
        observedGeneration: 1,
        lastTransitionTime: '',
      },
    ] as const;
    const status = running({ observedRequest: 'now', conditions });
    const plan = planOf(observed(A, [served, target('b', A.hash)], { reading, status }));
    expect([names(plan.due), names(plan.settled)]).toEqual([['b'], ['a']]);
  });
  it('asks for nothing once it was served, or where it was there from the start', () => {
    expect(
      planOf(observed(A, [target('a', A.hash)], { reading, status: running({ observedRequest: 'now' }) })).due,
    ).toEqual([]);
    expect(planOf(observed(A, [], { reading, status: EMPTY_STATUS })).isForced).toBe(false);
  });
});

describe('texts with the same effective values', () => {
  const commented = accept(text(3072, '# hello\n'));
  it('disturb nobody', () => {
    const plan = planOf(observed(commented, [target('a', A.hash)], { appliedConfig: A.config }));
    expect([plan.due, plan.equivalentHashes, plan.isNew]).toEqual([[], [A.hash], true]);
  });
  it('go on to, for later pods and restarts of the controller', () => {
    const status = running({
      observedHash: commented.hash,
      desiredHash: commented.hash,
      desiredRevision: 2,
      equivalentHashes: [A.hash],
    });
    expect(
      planOf(observed(commented, [target('a', A.hash), target('b')], { status })).due.map(({ pod }) => pod),
    ).toEqual(['b']);
  });
  it('do disturb where it is asked for', () => {
    const plan = planOf(
      observed(commented, [target('a', A.hash)], {
        appliedConfig: A.config,
        reading: policyOf({ 'requested-at': 'x' }),
      }),
    );
    expect(names(plan.due)).toEqual(['a']);
  });
});

describe('which text is wanted', () => {
  const rollback = {
    fromHash: B.hash,
    fromRevision: 2,
    toHash: A.hash,
    toRevision: 1,
    cause: 'failure',
    policy: policyFingerprint(policyOf({ 'on-failure': 'rollback' }).policy),
    isRestored: false,
  } as const;
  const failing = policyOf({ 'on-failure': 'rollback' }).policy;
  it.each([
    ['the source’s own', failing, running(), B.hash, { kind: 'none' }],
    ['the revision, while the text that failed is there', failing, running({ rollback }), B.hash, { kind: 'revision', revision: 1 }],
    ['the source’s own again with another text', failing, running({ rollback }), 'sha256:c', { kind: 'none' }],
    ['… with another policy', policyOf({ 'on-failure': 'rollback', canary: '1' }).policy, running({ rollback }), B.hash, { kind: 'none' }],
    ['… when asked for', policyOf({ 'on-failure': 'rollback', 'requested-at': '1' }).policy, running({ rollback }), B.hash, { kind: 'none' }],
    ['a revision that rollback-to names', policyOf({ 'rollback-to': '7' }).policy, running(), A.hash, { kind: 'revision', revision: 7, cause: 'asked' }],
    ['it acts once', policyOf({ 'rollback-to': '7' }).policy, running({ observedRollback: '7' }), A.hash, { kind: 'none' }],
    ['it ends with the annotation', policyOf().policy, running({ rollback: { ...rollback, cause: 'asked' } }), B.hash, { kind: 'none' }],
    ['previous, where there is none', policyOf({ 'rollback-to': 'previous' }).policy, running(), A.hash, { kind: 'impossible' }],
  ] as const)('%s', (_name, policy, status, hash, expected) => {
    expect(overrideOf(policy, status, hash)).toMatchObject(expected);
  }); // prettier-ignore
});
