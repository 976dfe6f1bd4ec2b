import { expect, test } from 'vitest';
import { contentHash } from '../../src/core/content-hash.ts';
import type { ConfigReloadStatus } from '../../src/core/configreload.ts';
import { conditionOf, configText } from '../cluster/config-reload.ts';
import { waitUntil } from '../cluster/wait-until.ts';
import { describeControlled } from './controlled-node.ts';
import { deadly, type DeadlyMoment, fragilePods, readLedger } from './fragile-pods.ts';
import { sourceOf } from './workloads.ts';

const good = configText(2048);
const newer = configText(3072);
const newest = configText(5120);
const names: Record<string, string> = {
  [contentHash(good)]: 'good',
  [contentHash(deadly)]: 'deadly',
  [contentHash(newer)]: 'newer',
  [contentHash(newest)]: 'newest',
};
const policy = { canary: '1', 'on-failure': 'rollback' };

/** `RolledBack good by rollback, 4/4`, newest first. */
const historyOf = ({ history }: ConfigReloadStatus): string[] =>
  history.map(
    ({ reason, newHash, trigger, targets: { reloaded, total } }) =>
      `${reason} ${names[newHash]!} by ${trigger}, ${reloaded}/${total}`,
  );
const attempt = ['RolledBack good by rollback, 4/4', 'RolloutHalted deadly by configmap, 0/4'];
const attemptAsked = [attempt[0], 'RolloutHalted deadly by requested, 0/4'];

describeControlled(
  'a rollout in steps, by signals',
  (on) => {
    const podsOf = (configMap: string): string[] => [0, 1, 2, 3].map((index) => `${configMap}-${index}`);
    const ledgersOf = (configMap: string): Promise<string[][]> =>
      Promise.all(podsOf(configMap).map((pod) => readLedger(on, pod, names)));
    const restartsOf = (configMap: string): Promise<number[]> =>
      Promise.all(podsOf(configMap).map((pod) => on.restarts(pod)));

    async function start(source: string, annotations: Record<string, string>, dies: DeadlyMoment): Promise<void> {
      await on.apply(sourceOf(source, good, annotations));
      await on.run(...fragilePods(annotations['publish-to'] ?? source, { count: 4, dies }));
      await on.untilApplied(source, good, '4/4');
    }

    /** Until the last attempts in the history are these, and all four targets run what they should. */
    async function untilHistory(
      source: string,
      expected: readonly (string | undefined)[],
    ): Promise<ConfigReloadStatus> {
      const isIt = (status: ConfigReloadStatus): boolean =>
        historyOf(status).slice(0, expected.length).join() === expected.join() &&
        status.podsReady === '4/4' &&
        conditionOf(status, 'Progressing').startsWith('False');
      return on.untilReload(source, isIt);
    }

    const cases: readonly { name: string; source: string; dies: DeadlyMoment; annotations: Record<string, string> }[] = [
      { name: 'the data set back, a process that dies at SIGHUP', source: 'direct', dies: 'at SIGHUP', annotations: policy },
      { name: 'the data set back, a process that dies at its start, too', source: 'hard', dies: 'whenever it reads it', annotations: policy },
      { name: 'by publish-to', source: 'draft', dies: 'whenever it reads it', annotations: { ...policy, 'publish-to': 'live' } },
    ]; // prettier-ignore
    for (const { name, source, dies, annotations } of cases) {
      const mounted = annotations['publish-to'] ?? source;
      const isDirect = mounted === source;

      test(`a canary that dies is rolled back, and the others never notice: ${name}`, async () => {
        await start(source, annotations, dies);
        const before = await ledgersOf(mounted);
        const restarts = await restartsOf(mounted);
        await on.applyByKubectl(sourceOf(source, deadly, annotations));
        const status = await untilHistory(source, attempt);
        expect(conditionOf(status, 'Reloaded')).toBe(isDirect ? 'True Reloaded' : 'False RolledBack');
        await on.node.waitForPod(`${mounted}-0`);

        const after = await ledgersOf(mounted);
        expect(after.slice(1)).toEqual(before.slice(1));
        expect((await restartsOf(mounted)).slice(1)).toEqual(restarts.slice(1));
        // The canary: one signal with the deadly text, and in the end a process that has read the good one.
        expect(after[0]!.filter((line) => line === 'HUP deadly')).toHaveLength(1);
        expect(after[0]!.at(-1)).toMatch(/ good$/);
        expect((await restartsOf(mounted))[0]).toBeGreaterThan(restarts[0]!);
        await on.untilEvent('configmap', source, /Warning +RolloutHalted.*-0\/app: ProcessCrashed/);
        await on.untilEvent('configmap', source, isDirect ? /Normal +RolledBack.*was set back to revision 1/ : /Normal +RolledBack/); // prettier-ignore
      });

      test(`it is not tried again, until it is asked for: ${name}`, async () => {
        const before = await ledgersOf(mounted);
        // Set back, the source gets it once more from somebody; published, it has it all the time.
        await on.applyByKubectl(sourceOf(source, deadly, { ...annotations, note: '1' }));
        const left = await on.untilReload(
            source,
            (status) => status.observedHash === contentHash(deadly) && conditionOf(status, 'Reloaded') === 'False RolledBack',
          ); // prettier-ignore
        expect(left).toMatchObject({ appliedHash: contentHash(good), podsReady: '4/4' });
        expect(await ledgersOf(mounted)).toEqual(before);

        await on.applyByKubectl(sourceOf(source, deadly, { ...annotations, 'requested-at': 'now' }));
        await untilHistory(source, attemptAsked);
        await on.node.waitForPod(`${mounted}-0`);
        const after = await ledgersOf(mounted);
        expect(after.slice(1)).toEqual(before.slice(1));
        expect(after[0]!.filter((line) => line === 'HUP deadly')).toHaveLength(2);
      });
    }

    test('an edit in the middle: the newest wins, and nobody gets the older one after it', async () => {
      const steps = { 'batch-size': '1' };
      await start('mid', steps, 'at SIGHUP');
      await on.applyByKubectl(sourceOf('mid', newer, steps));
      await waitUntil({
        what: 'the first pod has the newer text',
        everyMs: 20,
        check: async () => (await readLedger(on, 'mid-0', names)).includes('HUP newer'),
      });
      await on.applyByKubectl(sourceOf('mid', newest, steps));
      await on.untilApplied('mid', newest, '4/4');
      const order = ['good', 'newer', 'newest'];
      const ledgers = await ledgersOf('mid');
      for (const ledger of ledgers) {
        const texts = ledger.map((line) => order.indexOf(line.split(' ')[1]!));
        expect(texts).toEqual(texts.toSorted());
        expect(ledger.at(-1)).toBe('HUP newest');
      }
      expect(ledgers[3]).not.toContain('HUP newer');
      expect(await restartsOf('mid')).toEqual([0, 0, 0, 0]);
    });
  },
  { features: ['publish'], args: ['--soak', '1s'] },
);
