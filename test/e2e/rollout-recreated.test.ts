import { expect, test } from 'vitest';
import { contentHash } from '../../src/core/content-hash.ts';
import { conditionOf, configText } from '../cluster/config-reload.ts';
import { waitUntil } from '../cluster/wait-until.ts';
import { describeControlled } from './controlled-node.ts';
import { fragilePods, readLedger } from './fragile-pods.ts';
import { sourceOf } from './workloads.ts';

const first = configText(2048);
const second = configText(3072);
const third = configText(5120);
const names = { [contentHash(first)]: 'first', [contentHash(second)]: 'second', [contentHash(third)]: 'third' };

describeControlled(
  'rollback-to, where the ConfigMap was deleted and made anew',
  (on) => {
    const ledger = () => readLedger(on, 'again-0', names);
    async function remove(): Promise<void> {
      await on.node.core.deleteNamespacedConfigMap({ namespace: on.namespace, name: 'again' });
    }

    test('with its ConfigReload kept, the revisions are still there, and one of them runs', async () => {
      await on.apply(sourceOf('again', first));
      await on.run(...fragilePods('again', { count: 1, dies: 'at SIGHUP' }));
      await on.untilApplied('again', first, '1/1');
      await on.applyByKubectl(sourceOf('again', second));
      await on.untilApplied('again', second, '1/1');
      // As `kubectl delete --cascade=orphan` does, once the garbage collector knows the kind.
      const disown = '{"metadata":{"ownerReferences":null}}';
      await on.node.kubectl('-n', on.namespace, 'patch', 'configreload', 'again', '--type=merge', '-p', disown);
      await remove();
      await on.applyByKubectl(sourceOf('again', third));
      await on.untilApplied('again', third, '1/1');

      await on.applyByKubectl(sourceOf('again', third, { 'rollback-to': '1' }));
      const status = await on.untilApplied('again', first, '1/1');
      expect(status).toMatchObject({ appliedRevision: 1 });
      expect(status.history[0]).toMatchObject({ trigger: 'rollback', result: 'success', revision: 1 });
      expect((await ledger()).slice(-3)).toEqual(['HUP second', 'HUP third', 'HUP first']);
      expect(await on.restarts('again-0')).toBe(0);
      // What was numbered before is not numbered again.
      const numbers = status.history.map(({ revision, newHash }) => `${revision} ${names[newHash]!}`);
      expect([...new Set(numbers)].toSorted()).toEqual(['1 first', '2 second', '3 third']);
    });

    test('with its ConfigReload gone, so are the revisions: that is said, and what runs goes on', async () => {
      await remove();
      const revisions = async (): Promise<number> =>
        (await on.node.apps.listNamespacedControllerRevision({ namespace: on.namespace })).items.length;
      await waitUntil({
        what: 'ConfigReload and revisions go with their owner',
        check: async () => (await on.reload('again')) === undefined && (await revisions()) === 0,
      });
      const before = await ledger();
      await on.applyByKubectl(sourceOf('again', third, { 'rollback-to': '2' }));
      const status = await on.untilReload(
        'again',
        (one) => conditionOf(one, 'Reloaded') === 'False RollbackImpossible',
      );
      expect(status.conditions.find(({ type }) => type === 'Reloaded')?.message).toContain('there is no revision 2');
      expect(await ledger()).toEqual(before);
      await on.untilEvent('configmap', 'again', /Warning +ReloadFailed.*RollbackImpossible: there is no revision 2/);
      // Not asked for any more, the ConfigMap's own text runs.
      await on.applyByKubectl(sourceOf('again', third));
      await on.untilApplied('again', third, '1/1');
      expect(await ledger()).toEqual([...before, 'HUP third']);
    });
  },
  { features: ['publish'] },
);
