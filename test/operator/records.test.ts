import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { contentHash } from '../../src/core/content-hash.ts';
import { findCondition, repairStatus } from '../../src/core/status.ts';
import type { Announcement, MetricsPort, Ports } from '../../src/operator/ports.ts';
import { configText } from '../cluster/config-reload.ts';
import { pod } from '../fixtures/pod-builder.ts';
import { World } from './world.ts';

const [one, two, three] = [configText(2048), configText(4096), configText(6144)];
const invalid = (comment: string) => `version: "3.0"\n# ${comment}\n`;

/** A world whose events and metrics are kept, and whose other ports are as `change` makes them. */
class WatchedWorld extends World {
  readonly events: Announcement[] = [];
  readonly states: Parameters<MetricsPort['sourceState']>[1][] = [];
  readonly concluded: [string, number][] = [];
  readonly proven: number[] = [];
  change: (ports: Ports) => Partial<Ports> = () => ({});

  constructor() {
    super();
    this.sabotage = (ports) => ({
      ...ports,
      events: { announce: (one) => void this.events.push(one) },
      metrics: {
        ...ports.metrics,
        sourceState: (_key, state) => void this.states.push(state),
        reloadConcluded: (...what) => void this.concluded.push(what),
        fileProven: (seconds) => void this.proven.push(seconds),
      },
      ...this.change(ports),
    });
  }

  /** One pod of each kind runs the first text, and that is written down. */
  static async settled(...kinds: ('endpoint' | 'signal')[]): Promise<WatchedWorld> {
    const world = new WatchedWorld();
    world.edit(one);
    for (const kind of kinds) world.addPod(kind);
    await world.settle(true);
    return world;
  }

  get now() {
    return repairStatus(this.status);
  }

  condition(type: 'Valid' | 'Reloaded' | 'Progressing'): string {
    const { status, reason } = findCondition(this.now, type)!;
    return `${status} ${reason}`;
  }

  get history(): string[] {
    return this.now.history.map(({ reason, revision }) => `${reason} ${revision}`);
  }

  get runningTexts(): string[] {
    return [...this.pods.values()].map(({ running }) => running);
  }
}

describe('a text that is refused', () => {
  test('is one more failed reload each time, though for the same reason; the last reload was not successful', async () => {
    const world = await WatchedWorld.settled('endpoint');
    expect(world.states.at(-1)).toMatchObject({ isSuccessful: true, outOfSync: 0 });
    for (const comment of ['a', 'b', 'c']) {
      world.edit(invalid(comment));
      await world.settle(true);
      await world.reconcileOnce(); // seen again, it is no news
    }
    expect(world.states.at(-1)).toMatchObject({ isSuccessful: false });
    expect(world.now.stats).toMatchObject({ totalReloads: 4, failedReloads: 3, lastReloadResult: 'validation_failed' });
    expect(world.history).toEqual([...Array<string>(3).fill('ValidationFailed 0'), 'Reloaded 1']);
    expect(world.events.filter(({ reason }) => reason === 'ValidationFailed')).toHaveLength(3);
  });
});

describe('a permission that is missing is said', () => {
  test('for publish-to; once it is given, the text goes out, with its revision and its entry', async () => {
    const world = new WatchedWorld();
    world.edit(one);
    world.annotate('publish-to', 'live');
    await world.settle(true);
    world.addPod('signal');
    await world.settle(true);
    world.edit(two);
    world.change = ({ sources }) => ({ sources: { ...sources, publish: () => Promise.resolve('forbidden') } });
    for (const _ of [1, 2]) expect(await world.reconcileOnce()).toBe(true);
    expect(world.condition('Reloaded')).toBe('False PublishRefused');
    expect(findCondition(world.now, 'Reloaded')?.message).toContain('features.publish');
    expect(findCondition(world.now, 'Progressing')?.message).toBe('next attempt in 1m');
    expect(world.events.filter(({ note }) => note.includes('features.publish'))).toHaveLength(1);
    expect(world.states.at(-1)).toMatchObject({ isSuccessful: false });

    world.change = () => ({});
    await world.settle(true);
    expect(world.condition('Reloaded')).toBe('True Reloaded');
    expect(world.history).toEqual(['Reloaded 2', 'NoTargets 1']);
    expect([...world.revisions.keys()]).toEqual([1, 2]);
  });

  test('for a rollback that must write the source', async () => {
    const world = await WatchedWorld.settled('signal');
    world.annotate('on-failure', 'rollback');
    for (const pod of world.pods.values()) pod.mode = 'fails';
    world.edit(two);
    world.change = ({ sources }) => ({ sources: { ...sources, restore: () => Promise.resolve('forbidden') } });
    for (const _ of [1, 2, 3]) await world.reconcileOnce();
    expect(world.condition('Reloaded')).toBe('False RollbackImpossible');
    expect(findCondition(world.now, 'Reloaded')?.message).toMatch(/revision 2 .*revision 1: .*features\.publish/);
    expect(world.text).toBe(two);
  });

  test.each([
    ['forbidden', 'features.tokenSecret'],
    ['missing', 'no key token'],
    ['unfit', 'service account'],
  ] as const)('for the token: %s', async (reading, words) => {
    const world = await WatchedWorld.settled('endpoint');
    world.annotate('token-secret', 'secret');
    world.change = ({ sources }) => ({ sources: { ...sources, readToken: () => Promise.resolve(reading) } });
    world.edit(two);
    await world.reconcileOnce();
    const [target] = world.now.pods;
    expect(target).toMatchObject({ reason: 'TokenSecretMissing' });
    expect(target?.message).toContain(words);
    expect(world.now.history[0]!.durationMs, 'no attempt after the first').toBe(0);
  });
});

test('a permission that is missing is said: for the eviction of what cannot be reloaded in place', async () => {
  const world = new WatchedWorld();
  world.edit(one);
  world.annotate('on-unreloadable', 'restart');
  const user = pod('by-env').withEnvironmentOf('cfg').running();
  user.metadata['ownerReferences'] = [{ kind: 'ReplicaSet', name: 'rs', uid: 'rs', controller: true }];
  user.status['conditions'] = [{ type: 'Ready', status: 'True' }];
  world.change = ({ pods }) => ({
    pods: { ...pods, usersOf: () => [user.view()], evict: () => Promise.resolve('forbidden') },
  });
  await world.settle(true);
  world.edit(two);
  expect(await world.reconcileOnce(), 'it is tried again').toBe(true);
  expect(world.condition('Progressing')).toBe('True Restarting');
  expect(world.events.at(-1)).toMatchObject({ reason: 'PodSkipped', type: 'Warning' });
  expect(world.events.at(-1)?.note).toMatch(/^by-env .*features\.restart/);
});

test('a pod that comes late, fails and recovers: the time is that of its trouble, not that since the edit', async () => {
  const world = await WatchedWorld.settled('endpoint');
  world.edit(two);
  await world.settle(true);
  for (let days = 0; days < 5; days++) world.wait(86_400_000);
  world.addPod('endpoint');
  const late = [...world.pods.values()].at(-1)!;
  late.mode = 'fails';
  late.running = contentHash(one);
  await world.reconcileOnce();
  expect(world.condition('Reloaded')).toBe('False TargetsFailed');
  late.mode = 'well';
  await world.settle(true);
  expect(world.condition('Reloaded')).toBe('True Reloaded');
  expect(world.now.history[0]!.durationMs).toBeLessThan(600_000);
});

test('propagation is measured from the change on, over as many execs as it takes', async () => {
  const world = await WatchedWorld.settled('signal');
  let stale = 8;
  world.change = ({ signals, clock }) => ({
    signals: {
      async attempt(request, signal) {
        if (stale-- > 0) {
          await clock.sleep(2_000, signal);
          return { reason: 'PropagationTimeout', message: '', hash: null };
        }
        return { ...(await signals.attempt(request, signal)), provenAfterMs: 500 };
      },
    },
  });
  world.edit(two);
  await world.settle(true);
  expect(world.proven).toHaveLength(1);
  expect(world.proven[0]).toBeGreaterThan(16.5);
});

test('an endpoint that waits for its file gets the help of the kubelet; one that answers at once does not', async () => {
  const world = await WatchedWorld.settled('endpoint');
  const [target] = world.pods.values();
  let nudges = 0;
  world.edit(two);
  world.change = ({ pods }) => ({ pods: { ...pods, nudge: () => Promise.resolve((nudges += 1) > 0) } });
  await world.settle(true);
  expect(target!.running).toBe(contentHash(two));
  for (const _ of [1, 2, 3]) await setImmediate();
  expect(nudges).toBe(0);

  world.edit(three);
  world.change = ({ endpoints }) => ({
    endpoints: {
      async attempt(request, signal) {
        while (target!.file !== request.hash) await setImmediate();
        return endpoints.attempt(request, signal);
      },
    },
  });
  await world.settle(true);
  expect(target!.running).toBe(contentHash(three));
});

test('a consent that is withdrawn counts before a second attempt, though no watch has told of it', async () => {
  const world = await WatchedWorld.settled('endpoint');
  let attempts = 0;
  world.change = () => ({
    endpoints: {
      attempt() {
        attempts += 1;
        world.annotate('enabled', 'false');
        return Promise.resolve({ reason: 'EndpointFailed', message: '', hash: null });
      },
    },
  });
  world.edit(two);
  await world.settle(true);
  expect(attempts).toBe(1);
});

test.each([
  ['announced before', 'signal'],
  ['not announced', 'endpoint'],
] as const)('a rollout that is replaced leaves entry and revision: %s', async (_name, kind) => {
  const world = await WatchedWorld.settled(kind, kind);
  world.edit(two);
  const first = [...world.pods.values()][0]!;
  let isReplaced = false;
  const replaceAfter = async <T>(result: Promise<T>): Promise<T> => {
    const value = await result;
    if (!isReplaced && first.running === contentHash(two)) {
      isReplaced = true;
      world.edit(three);
      await world.notice();
    }
    return value;
  };
  world.change = ({ signals, endpoints }) => ({
    signals: { attempt: (...request) => replaceAfter(signals.attempt(...request)) },
    endpoints: { attempt: (...request) => replaceAfter(endpoints.attempt(...request)) },
  });
  await world.settle(true);
  expect(world.runningTexts).toEqual(Array(2).fill(contentHash(three)));
  expect(world.history).toEqual(['Reloaded 3', 'Superseded 2', 'Reloaded 1']);
  expect(world.now.history[1]).toMatchObject({ newHash: contentHash(two), result: 'already_in_progress' });
  expect([...world.revisions.keys()]).toEqual([1, 2, 3]);
  expect(world.concluded.map(([result]) => result)).toEqual(['success', 'already_in_progress', 'success']);
});

describe('what is seen is said, whatever is done about it', () => {
  test.each([
    ['paused', 'True Paused', 'False Paused'],
    ['dry-run', 'True DryRun', 'False DryRun'],
  ])('%s', async (annotation, _before, after) => {
    const world = await WatchedWorld.settled('endpoint');
    world.annotate(annotation, 'true');
    world.edit(two);
    await world.settle(true);
    expect(world.now).toMatchObject({ observedHash: contentHash(two), appliedHash: contentHash(one) });
    expect(world.condition('Reloaded')).toBe(after);
    world.annotate(annotation, undefined);
    await world.settle(true);
    expect(world.now.appliedHash).toBe(contentHash(two));
  });

  test('a requested-at that was there when a source was first seen asks for nothing, paused or not', async () => {
    const world = new WatchedWorld();
    world.edit(one);
    world.annotate('paused', 'true');
    world.annotate('requested-at', 'long ago');
    world.addPod('endpoint');
    await world.settle(true);
    world.annotate('paused', undefined);
    await world.settle(true);
    expect(world.now.history.map(({ trigger }) => trigger)).toEqual(['configmap']);
  });
});

test('a rollback-to that cannot be done is said until the next edit, and does not hold that up', async () => {
  const world = await WatchedWorld.settled('endpoint');
  world.annotate('rollback-to', '7');
  for (const _ of [1, 2, 3]) await world.settle(true);
  expect(world.condition('Reloaded')).toBe('False RollbackImpossible');
  world.edit(two);
  await world.settle(true);
  expect(world.condition('Reloaded')).toBe('True Reloaded');
  expect(world.runningTexts).toEqual([contentHash(two)]);
  await world.settle(true);
  expect(world.runningTexts).toEqual([contentHash(two)]);
});

describe('a status that others wrote', () => {
  const forged = (toRevision: number, toHash: string) => ({
    ...{ fromHash: contentHash(two), fromRevision: 2, toHash, toRevision, policy: '', isRestored: false },
    cause: 'failure' as const,
  });
  test.each([
    ['to an earlier revision', forged(1, contentHash(one)), {}],
    ['to a planted revision', forged(77, contentHash(one)), { 'on-failure': 'rollback' }],
  ])('asks for no rollback: %s', async (_name, rollback, annotations: Record<string, string>) => {
    const world = await WatchedWorld.settled('endpoint', 'signal');
    for (const [name, value] of Object.entries(annotations)) world.annotate(name, value);
    world.edit(two);
    await world.settle(true);
    world.revisions.set(77, { ...world.revisions.get(1)!, content: Buffer.from(three), hash: contentHash(three) });
    world.status = { ...world.status, rollback: { ...rollback, policy: world.now.observedPolicy } };
    await world.settle(true);
    expect(world.text).toBe(two);
    expect(world.runningTexts).toEqual(Array(2).fill(contentHash(two)));
  });

  test('with times that no calendar has: the source goes on', async () => {
    const world = await WatchedWorld.settled('endpoint');
    const never = '2020-01-01T00:00:00+99:99';
    world.status = { ...world.status, revisionTime: never, observedTime: never };
    world.annotate('requested-at', 'now');
    await world.settle(true);
    expect(world.history).toEqual(['Reloaded 1', 'Reloaded 1']);
  });
});

test('an annotation that nobody knows is warned of, once for each version of the source', async () => {
  const world = await WatchedWorld.settled('endpoint');
  world.annotate('paussed', 'true');
  await world.settle(true);
  await world.settle(true);
  expect(world.warnings).toHaveLength(1);
  expect(JSON.stringify(world.warnings)).toContain('did you mean paused?');
});
