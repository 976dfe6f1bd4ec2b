import { expect, test } from 'vitest';
import { contentHash } from '../../src/core/content-hash.ts';
import { conditionOf, configText } from '../cluster/config-reload.ts';
import { describeControlled } from './controlled-node.ts';
import { fragilePods, readLedger } from './fragile-pods.ts';
import { sourceOf } from './workloads.ts';

const first = configText(2048);
const second = configText(3072);
const third = configText(5120);
const invalid = configText(128);
const names = {
  [contentHash(first)]: 'first',
  [contentHash(second)]: 'second',
  [contentHash(third)]: 'third',
  [contentHash(invalid)]: 'invalid',
};
const policy = { 'publish-to': 'running' };

describeControlled(
  'pods mount what the controller publishes',
  (on) => {
    const pods = ['running-0', 'running-1'];
    const ledgers = () => Promise.all(pods.map((pod) => readLedger(on, pod, names)));
    const published = () => on.node.core.readNamespacedConfigMap({ namespace: on.namespace, name: 'running' });
    const source = () => on.node.core.readNamespacedConfigMap({ namespace: on.namespace, name: 'wanted' });
    const lastOf = (all: string[][]) => all.map((ledger) => ledger.at(-1));

    test('pods start with the copy, and are signalled when it is there', async () => {
      await on.applyByKubectl(sourceOf('wanted', first, policy));
      // The pods wait for the copy, which nobody but the controller makes.
      await on.run(...fragilePods('running', { count: 2, dies: 'at SIGHUP' }));
      await on.untilApplied('wanted', first, '2/2');
      await on.applyByKubectl(sourceOf('wanted', second, policy));
      await on.untilApplied('wanted', second, '2/2');
      expect(lastOf(await ledgers())).toEqual(['HUP second', 'HUP second']);
    });

    test('an invalid text never gets into it, and a pod that starts meanwhile has the good one', async () => {
      const before = await ledgers();
      const { metadata } = await published();
      await on.applyByKubectl(sourceOf('wanted', invalid, policy));
      await on.untilReload('wanted', (status) => conditionOf(status, 'Valid') === 'False ValidationFailed');
      await on.node.exec('running-1', 'app', ['sh', '-c', 'kill -TERM 1']).catch(() => undefined);
      await on.untilRestarted('running-1', 1);
      await on.untilReload('wanted', ({ observedHash }) => observedHash === contentHash(invalid));
      const after = await published();
      expect(after.data).toEqual({ 'mcp_config.yaml': second });
      expect(after.metadata?.resourceVersion).toBe(metadata?.resourceVersion);
      expect(await ledgers()).toEqual([before[0], [...before[1]!, 'start second']]);
      expect((await source()).data).toEqual({ 'mcp_config.yaml': invalid });
    });

    test('a pod that is made anew meanwhile has the good one, too', async () => {
      await on.node.core.deleteNamespacedPod({ namespace: on.namespace, name: 'running-1', gracePeriodSeconds: 0 });
      await expect
        .poll(() => on.node.core.readNamespacedPod({ namespace: on.namespace, name: 'running-1' }).then(() => true, () => false), { timeout: 30_000 })
        .toBe(false); // prettier-ignore
      await on.run(fragilePods('running', { count: 2, dies: 'at SIGHUP' })[1]!);
      expect(await readLedger(on, 'running-1', names)).toEqual(['start second']);
    });

    test('the corrected text is published, and nobody but its author ever wrote the source', async () => {
      await on.applyByKubectl(sourceOf('wanted', third, policy));
      await on.untilApplied('wanted', third, '2/2');
      expect(lastOf(await ledgers())).toEqual(['HUP third', 'HUP third']);
      const { metadata } = await source();
      expect(metadata?.managedFields?.map(({ manager }) => manager)).toEqual(['kubectl-client-side-apply']);
      expect((await published()).metadata?.managedFields?.map(({ manager }) => manager)).toEqual(['leindex-reloader']);
      for (const ledger of await ledgers()) expect(ledger.join()).not.toContain('invalid');
      await on.untilEvent('configmap', 'wanted', /Normal +Published +.*written to ConfigMap running/);
    });
  },
  { features: ['publish'] },
);
