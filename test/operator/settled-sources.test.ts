import { describe, expect, test } from 'vitest';
import type { PodView } from '../../src/core/pod-view.ts';
import { formatRecord, recordAnnotation } from '../../src/core/target-record.ts';
import { toPodView } from '../../src/kube/pod-view.ts';
import { PodIndex } from '../../src/operator/pod-index.ts';
import { SettledSources } from '../../src/operator/settled-sources.ts';

const HASH = `sha256:${'a'.repeat(64)}`;
const OTHER = `sha256:${'b'.repeat(64)}`;
const KEY = 'team/leindex';
const mark = { uid: 'u1', resourceVersion: '7', publishTo: undefined };
const reload = { ownerUid: 'u1', resourceVersion: '7', appliedHash: HASH, time: '2026-01-01T12:00:00Z' };

function pod(
  name: string,
  input: { hash?: string; recordedId?: string; isRunning?: boolean; phase?: string; configMap?: string } = {},
): PodView {
  const { hash, recordedId, isRunning = true, phase = 'Running', configMap = 'leindex' } = input;
  const containerId = `containerd://${name}-0123456789`;
  const record = { hash: hash ?? '', containerId: recordedId ?? containerId, request: '' };
  return toPodView({
    metadata: {
      namespace: 'team',
      name,
      uid: name,
      resourceVersion: '1',
      annotations:
        hash === undefined ? {} : { [recordAnnotation('leindex', 'app')]: formatRecord(record, 'leindex', 'app') },
    },
    spec: {
      containers: [{ name: 'app', volumeMounts: [{ name: 'config', mountPath: '/etc' }] }, { name: 'other' }],
      volumes: [{ name: 'config', configMap: { name: configMap } }],
    },
    status: {
      phase,
      containerStatuses: [
        {
          name: 'app',
          containerID: containerId,
          state: isRunning ? { running: { startedAt: '2026-01-01T00:00:00Z' } } : {},
        },
      ],
    },
  });
}

const take = (pods: readonly PodView[], change: { mark?: object; reload?: object } = {}) =>
  new SettledSources(new Map([[KEY, { ...reload, ...change.reload }]])).take(KEY, { ...mark, ...change.mark }, pods);

describe('SettledSources', () => {
  test.each<[string, readonly PodView[]]>([
    ['no pod uses it', []],
    ['every pod carries the record of its text', [pod('a', { hash: HASH }), pod('b', { hash: HASH })]],
    ['a pod has ended', [pod('a', { phase: 'Succeeded' })]],
  ])('leaves a source alone where %s', (_, pods) => expect(take(pods)).toEqual(reload));

  test.each<[string, readonly PodView[], { mark?: object; reload?: object }?]>([
    ['it changed since', [], { mark: { resourceVersion: '8' } }],
    ['it was made anew', [], { mark: { uid: 'u2' } }],
    ['its pods mount a copy', [], { mark: { publishTo: 'copy' } }],
    ['the version is not known', [], { reload: { resourceVersion: '' } }],
    ['a pod has no record', [pod('a', { hash: HASH }), pod('b')]],
    ['a pod runs another text', [pod('a', { hash: OTHER })]],
    ['a container restarted since', [pod('a', { hash: HASH, recordedId: 'containerd://before-0123456789' })]],
    ['a container does not run yet', [pod('a', { hash: HASH, isRunning: false })]],
    ['a pod uses it in another way', [pod('a', { hash: HASH, configMap: 'not-mounted' })]],
  ])('looks at it where %s', (_, pods, change) => expect(take(pods, change)).toBeUndefined());

  test('speaks of each source once: later changes are always looked at', () => {
    const settled = new SettledSources(new Map([[KEY, reload]]));
    expect(settled.take(KEY, mark, [])).toEqual(reload);
    expect(settled.take(KEY, mark, [])).toBeUndefined();
    expect(settled.take('team/unknown', mark, [])).toBeUndefined();
  });
});

test('PodIndex follows pods from ConfigMap to ConfigMap', () => {
  const index = new PodIndex();
  const [one, moved] = [pod('a'), pod('a', { configMap: 'elsewhere' })];
  index.follow('team/a', undefined, one);
  expect(index.usersOf('leindex')).toEqual([one]);
  index.follow('team/a', one, moved);
  expect([index.usersOf('leindex'), index.usersOf('elsewhere')]).toEqual([[], [moved]]);
  index.follow('team/a', moved, undefined);
  expect(index.usersOf('elsewhere')).toEqual([]);
});
