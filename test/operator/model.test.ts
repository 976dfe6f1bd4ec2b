import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contentHash } from '../../src/core/content-hash.ts';
import { findCondition, repairStatus } from '../../src/core/status.ts';
import { validateConfig } from '../../src/core/validate-config.ts';
import { type ModelPod, World } from './world.ts';

let edits = 0;
/** Each edit is another text with other values, so that "older" has a meaning. */
const good = () => `version: "2.0"\nmemory: {}\nprojects: {max_file_size: ${1024 + edits++}}\nperformance: {}\n`;

type Step =
  | { readonly do: 'edit' | 'break' | 'comment' | 'request' | 'settle' }
  | { readonly do: 'reconcile'; readonly crashAt: number }
  | { readonly do: 'add'; readonly kind: ModelPod['kind'] }
  | { readonly do: 'remove' | 'restart' | 'fail' | 'heal' | 'sync'; readonly pod: number }
  | { readonly do: 'pause' | 'dryRun'; readonly isOn: boolean };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom<Step>({ do: 'edit' }) },
  { weight: 3, arbitrary: fc.constantFrom<Step>({ do: 'break' }, { do: 'comment' }, { do: 'request' }, { do: 'settle' }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('reconcile' as const), crashAt: fc.integer({ min: 1, max: 24 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('add' as const), kind: fc.constantFrom('endpoint' as const, 'signal' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('remove' as const, 'restart' as const, 'fail' as const, 'heal' as const, 'sync' as const), pod: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('pause' as const, 'dryRun' as const), isOn: fc.boolean() }) },
); // prettier-ignore

async function take(world: World, action: Step, serial: number): Promise<void> {
  const pick = (index: number) => [...world.pods.values()][index % Math.max(1, world.pods.size)];
  const withPod = (index: number, change: (pod: ModelPod) => void) => {
    const pod = pick(index);
    if (pod) change(pod);
  };
  switch (action.do) {
    case 'edit': {
      world.edit(good());
      return;
    }
    case 'break': {
      world.edit(`memory: {total_budget_mb: ${serial}}`);
      return;
    }
    case 'comment': {
      world.edit(`# ${serial}\n${world.text}`);
      return;
    }
    case 'request': {
      world.annotate('requested-at', String(serial));
      return;
    }
    case 'settle':
      return world.settle(false);
    case 'reconcile':
      await world.reconcileOnce(action.crashAt);
      return;
    case 'add': {
      world.addPod(action.kind);
      return;
    }
    case 'remove': {
      withPod(action.pod, (pod) => world.pods.delete(pod.name));
      return;
    }
    case 'restart': {
      withPod(action.pod, (pod) => world.restart(pod));
      return;
    }
    case 'fail': {
      withPod(action.pod, (pod) => (pod.isFailing = true));
      return;
    }
    case 'heal': {
      withPod(action.pod, (pod) => (pod.isFailing = false));
      return;
    }
    case 'sync': {
      withPod(action.pod, (pod) => (pod.file = contentHash(world.text)));
      return;
    }
    case 'pause': {
      world.annotate('paused', String(action.isOn));
      return;
    }
    case 'dryRun': {
      world.annotate('dry-run', String(action.isOn));
      return;
    }
  }
}

/** What must hold after every step, whatever happened. */
function checkSafety(world: World, hasRollback: boolean): void {
  const order = new Map(world.texts.map((text, index) => [contentHash(text), index]));
  for (const { name, ledger } of world.pods.values()) {
    for (const hash of ledger.slice(1)) {
      const text = world.texts[order.get(hash)!]!;
      expect(validateConfig(text).valid, `${name} was given a text that is not valid`).toBe(true);
    }
    const positions = ledger.map((hash) => order.get(hash)!);
    if (!hasRollback)
      expect(positions, `${name} went back to an older text`).toEqual(positions.toSorted((a, b) => a - b));
  }
  const status = repairStatus(world.status);
  expect(status.history.length).toBeLessThanOrEqual(100);
  expect(new Set(status.history.map(({ id }) => id)).size, 'ids are unique').toBe(status.history.length);
}

/** What must hold once edits and faults have stopped. */
async function checkConvergence(world: World, hasRollback: boolean): Promise<void> {
  for (const pod of world.pods.values()) pod.isFailing = false;
  world.annotate('paused', undefined);
  world.annotate('dry-run', undefined);
  world.edit(good());
  await world.settle(true);
  const wanted = contentHash(world.text);
  const status = repairStatus(world.status);
  expect([...world.pods.values()].map(({ running }) => running)).toEqual([...world.pods.values()].map(() => wanted));
  expect(status).toMatchObject({
    observedHash: wanted,
    appliedHash: wanted,
    podsReady: `${world.pods.size}/${world.pods.size}`,
  });
  expect(findCondition(status, 'Progressing')?.status).toBe('False');
  expect(findCondition(status, 'Valid')?.status).toBe('True');
  expect(status.history.filter(({ newHash, result }) => newHash === wanted && result === 'success')).toHaveLength(1);
  checkSafety(world, hasRollback);
  // And then it is silent.
  const before = world.writes;
  await world.reconcileOnce();
  expect(world.writes).toBe(before);
}

function run(annotations: Record<string, string>, numRuns: number): Promise<void> {
  const hasRollback = annotations['on-failure'] === 'rollback';
  return fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 30 }), async (steps) => {
      edits = 0; // the same steps give the same texts
      const world = new World();
      for (const [name, value] of Object.entries(annotations)) world.annotate(name, value);
      world.edit(good());
      world.addPod('endpoint');
      world.addPod('signal');
      for (const [serial, action] of steps.entries()) {
        await take(world, action, serial);
        checkSafety(world, hasRollback);
      }
      await checkConvergence(world, hasRollback);
    }),
    { numRuns },
  );
}

describe('over edits, failures, crashes and pods that come and go, the promises hold', () => {
  it('all at once', () => run({}, 150), 120_000);
  it('canary and waves', () => run({ canary: '1', 'batch-size': '1' }, 150), 120_000);
  it('with rollback', () => run({ 'batch-size': '2', 'on-failure': 'rollback' }, 150), 120_000);
});
