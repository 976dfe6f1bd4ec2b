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
  | { readonly do: 'revert'; readonly edit: number }
  | { readonly do: 'rollbackTo'; readonly revision: 'previous' | number | undefined }
  | { readonly do: 'reconcile'; readonly crashAt: number }
  | { readonly do: 'interrupt'; readonly at: number; readonly by: 'edit' | 'revert' | 'break' | 'pause' }
  | { readonly do: 'add'; readonly kind: ModelPod['kind'] }
  | { readonly do: 'remove' | 'restart' | 'fail' | 'die' | 'heal' | 'sync'; readonly pod: number }
  | { readonly do: 'pause' | 'dryRun'; readonly isOn: boolean };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom<Step>({ do: 'edit' }) },
  { weight: 3, arbitrary: fc.constantFrom<Step>({ do: 'break' }, { do: 'comment' }, { do: 'request' }, { do: 'settle' }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('reconcile' as const), crashAt: fc.integer({ min: 1, max: 24 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('interrupt' as const), at: fc.integer({ min: 1, max: 8 }), by: fc.constantFrom('edit' as const, 'revert' as const, 'break' as const, 'pause' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('revert' as const), edit: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('rollbackTo' as const), revision: fc.constantFrom('previous' as const, 1, 2, undefined) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('add' as const), kind: fc.constantFrom('endpoint' as const, 'signal' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('remove' as const, 'restart' as const, 'fail' as const, 'die' as const, 'heal' as const, 'sync' as const), pod: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('pause' as const, 'dryRun' as const), isOn: fc.boolean() }) },
); // prettier-ignore

/** Somebody takes edits back: an earlier text is the newest one again. */
function revert(world: World, edit: number): void {
  world.edit(world.texts[Math.max(0, world.texts.length - 1 - (edit % 3))]!);
}

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
    case 'revert': {
      revert(world, action.edit);
      return;
    }
    case 'rollbackTo': {
      world.annotate('rollback-to', action.revision?.toString());
      return;
    }
    case 'interrupt': {
      const act = {
        edit: () => world.edit(good()),
        revert: () => revert(world, action.at),
        break: () => world.edit(`memory: {total_budget_mb: ${serial}}`),
        pause: () => world.annotate('paused', 'true'),
      }[action.by];
      await world.reconcileOnce(Infinity, { at: action.at, act });
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
      withPod(action.pod, (pod) => (pod.mode = 'fails'));
      return;
    }
    case 'die': {
      withPod(action.pod, (pod) => (pod.mode = 'dies'));
      return;
    }
    case 'heal': {
      withPod(action.pod, (pod) => (pod.mode = 'well'));
      return;
    }
    case 'sync': {
      withPod(action.pod, (pod) => (pod.file = contentHash(world.mounted ?? '')));
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

/** Whether these texts can be met one after the other in the order of the edits. */
function isInOrderOfEdits(ledger: readonly string[], edits: readonly string[]): boolean {
  let at = 0;
  return ledger.every((hash) => {
    at = edits.indexOf(hash, at);
    return at >= 0;
  });
}

interface Setting {
  /** A rollback is possible: an earlier text may run again. */
  readonly hasRollback: boolean;
  readonly isPublishing: boolean;
}

/** What must hold after every step, whatever happened. */
function checkSafety(world: World, { hasRollback, isPublishing }: Setting): void {
  const edits = world.texts.map((text) => contentHash(text));
  for (const { name, ledger } of world.pods.values()) {
    // The first is what the process read at its start: with publish-to that is valid, too.
    for (const hash of isPublishing ? ledger : ledger.slice(1)) {
      const text = world.texts[edits.indexOf(hash)]!;
      expect(validateConfig(text).valid, `${name} was given a text that is not valid`).toBe(true);
    }
    if (!hasRollback) expect(isInOrderOfEdits(ledger, edits), `${name} went back to an older text`).toBe(true);
  }
  const status = repairStatus(world.status);
  expect(status.history.length).toBeLessThanOrEqual(100);
  expect(new Set(status.history.map(({ id }) => id)).size, 'ids are unique').toBe(status.history.length);
  const { total, reloaded, pending, failed, skipped } = status.targets;
  expect(reloaded + pending + failed + skipped, 'every target is counted once').toBe(total);
}

function configOf(world: World, hash: string): unknown {
  const outcome = validateConfig(world.texts.find((text) => contentHash(text) === hash)!);
  return outcome.valid ? outcome.config : hash;
}

/** What must hold once edits and faults have stopped. */
async function checkConvergence(world: World, setting: Setting & { readonly endsReverted: boolean }): Promise<void> {
  for (const pod of world.pods.values()) pod.mode = 'well';
  world.annotate('paused', undefined);
  world.annotate('dry-run', undefined);
  world.annotate('rollback-to', undefined);
  // Back at a text at which it halted it stays so, unless it has seen another one in between.
  const { desiredHash } = repairStatus(world.status);
  const earlier = world.texts.filter((text) => contentHash(text) !== desiredHash && validateConfig(text).valid);
  // A text that was rolled back is not tried again: with rollbacks the last text is a new one.
  const isReverted = setting.endsReverted && !setting.hasRollback && earlier.length > 0;
  world.edit(isReverted ? earlier.at(-1)! : good());
  await world.settle(true);
  const wanted = contentHash(world.text);
  const status = repairStatus(world.status);
  // Another text with the same values is as good.
  const runs = [...world.pods.values()].map(({ running }) => configOf(world, running));
  expect(runs).toEqual(runs.map(() => configOf(world, wanted)));
  expect(status).toMatchObject({
    observedHash: wanted,
    appliedHash: wanted,
    podsReady: `${world.pods.size}/${world.pods.size}`,
  });
  expect(findCondition(status, 'Progressing')?.status).toBe('False');
  expect(findCondition(status, 'Valid')?.status).toBe('True');
  const successes = status.history.filter(({ newHash, result }) => newHash === wanted && result === 'success');
  if (isReverted) expect(successes).not.toHaveLength(0);
  else expect(successes).toHaveLength(1);
  checkSafety(world, setting);
  // And then it is silent.
  const before = world.writes;
  await world.reconcileOnce();
  expect(world.writes).toBe(before);
}

interface Run {
  readonly annotations?: Record<string, string>;
  readonly numRuns?: number;
  readonly sabotage?: World['sabotage'];
}

function run({ annotations = {}, numRuns = 150, sabotage }: Run): Promise<void> {
  const isPublishing = annotations['publish-to'] !== undefined;
  const input = [fc.array(step, { minLength: 1, maxLength: 30 }), fc.boolean()] as const;
  return fc.assert(
    fc.asyncProperty(...input, async (steps, endsReverted) => {
      edits = 0; // the same steps give the same texts
      const hasRollback = annotations['on-failure'] === 'rollback' || steps.some((one) => one.do === 'rollbackTo');
      const setting = { hasRollback, isPublishing, endsReverted };
      const world = new World();
      if (sabotage) world.sabotage = sabotage;
      for (const [name, value] of Object.entries(annotations)) world.annotate(name, value);
      world.edit(good());
      if (isPublishing) await world.settle(true);
      world.addPod('endpoint');
      world.addPod('signal');
      for (const [serial, action] of steps.entries()) {
        await take(world, action, serial);
        checkSafety(world, setting);
      }
      await checkConvergence(world, setting);
    }),
    { numRuns },
  );
}

const inSteps = { canary: '1', 'batch-size': '1' };

describe('over edits, failures, crashes and pods that come and go, the promises hold', () => {
  it.each<{ name: string; annotations: Record<string, string> }>([
    { name: 'all at once', annotations: { 'batch-size': '2' } },
    { name: 'canary and waves', annotations: inSteps },
    { name: 'with rollback', annotations: { 'batch-size': '2', 'on-failure': 'rollback' } },
    { name: 'canary with rollback', annotations: { ...inSteps, 'on-failure': 'rollback' } },
    { name: 'published', annotations: { ...inSteps, 'publish-to': 'live' } },
    { name: 'published, with rollback', annotations: { ...inSteps, 'publish-to': 'live', 'on-failure': 'rollback' } },
  ])('$name', ({ annotations }) => run({ annotations }), 120_000);
});

/** Ports that break one promise each. */
const violations: Readonly<
  Record<string, { readonly annotations?: Record<string, string>; readonly sabotage: World['sabotage'] }>
> = {
  'the gate is open': {
    sabotage: (ports) => ({
      ...ports,
      validate: (content) => Promise.resolve({ ...validateConfig(Buffer.from(first)), hash: contentHash(content) }),
    }),
  },
  'a rollout that did not come to its end leaves no doubt': {
    annotations: inSteps,
    sabotage: (ports, world) => ({
      ...ports,
      reloads: {
        ...ports.reloads,
        read: async (...args) => {
          const stored = await ports.reloads.read(...args);
          const isOther = stored?.status?.desiredHash !== contentHash(world.text);
          return (
            stored && { ...stored, status: { ...stored.status, doubt: '', ...(isOther ? { desiredHash: '' } : {}) } }
          );
        },
      },
    }),
  },
  'an endpoint is told an earlier text': {
    sabotage: (ports, world) => ({
      ...ports,
      endpoints: {
        attempt: async (request, signal) => {
          const content = Buffer.from(world.texts[0]!);
          const result = await ports.endpoints.attempt({ ...request, content, hash: contentHash(content) }, signal);
          return { ...result, hash: result.hash === null ? null : request.hash };
        },
      },
    }),
  },
  'a signal is claimed that was not sent': {
    sabotage: (ports) => ({
      ...ports,
      signals: { attempt: ({ hash }) => Promise.resolve({ reason: 'SignalDelivered', message: '', hash }) },
    }),
  },
  'the copy is published before it is validated': {
    annotations: { ...inSteps, 'publish-to': 'live' },
    sabotage: (ports, world) => ({
      ...ports,
      sources: {
        ...ports.sources,
        read: (...args) => {
          world.published = world.text;
          return ports.sources.read(...args);
        },
      },
    }),
  },
  'it writes while nothing changes': {
    sabotage: (ports, world) => ({
      ...ports,
      reloads: {
        ...ports.reloads,
        read: (...args) => {
          world.writes += 1;
          return ports.reloads.read(...args);
        },
      },
    }),
  },
};
const first = 'version: "2.0"\nmemory: {}\nprojects: {}\nperformance: {}\n';

describe('the checker sees a promise that is broken', () => {
  it.each(Object.entries(violations))(
    '%s',
    async (_name, violation) => {
      await expect(run({ ...violation, numRuns: 2000 })).rejects.toThrow(/Property failed/);
    },
    120_000,
  );
});
