import { expect, test } from 'vitest';
import { contentHash } from '../../src/core/content-hash.ts';
import { conditionOf, configText } from '../cluster/config-reload.ts';
import { describeControlled } from './controlled-node.ts';
import { podOf, sourceOf } from './workloads.ts';

const [first, second, third] = [configText(2048), configText(4096), configText(6144)];

describeControlled('an immutable source', (on) => {
  const fixed = (text: string) => ({ ...sourceOf('fixed', text), immutable: true });

  test('the edit that makes it immutable still comes; its successor of the same name is named as what it is', async () => {
    await on.apply(sourceOf('fixed', first));
    await on.run(podOf('fixed', { configMap: 'fixed' }));
    await on.untilApplied('fixed', first, '1/1');
    await on.applyByKubectl(fixed(second));
    await on.untilApplied('fixed', second, '1/1');

    await on.node.core.deleteNamespacedConfigMap({ namespace: on.namespace, name: 'fixed' });
    await on.applyByKubectl(fixed(third));
    const status = await on.untilReload('fixed', (one) => conditionOf(one, 'Reloaded') === 'False TargetsFailed');
    expect(status.pods[0]).toMatchObject({ reason: 'SourceImmutable', message: expect.stringContaining('immutable') });
    await on.untilEvent('configmap', 'fixed', /Warning +ReloadFailed.*SourceImmutable.*immutable/);
    // Not signalled for a text that it cannot read.
    expect((await on.signals('fixed')).at(-1)).toBe(`HUP ${contentHash(second).slice('sha256:'.length)}`);
    expect(status.history.some(({ reason }) => reason === 'PropagationTimeout')).toBe(false);
  });
});
