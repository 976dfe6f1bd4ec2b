import { expect, it } from 'vitest';
import { measureProgress } from '../../src/cli/read-progress.ts';
import { type ConfigReloadStatus, EMPTY_STATUS } from '../../src/core/configreload.ts';
import { contentHash, shortHash } from '../../src/core/content-hash.ts';
import { doubtToken } from '../../src/core/doubt.ts';
import { requestToken } from '../../src/core/target-record.ts';
import type { Target } from '../../src/core/target.ts';

const wanted = contentHash('wanted');
const earlier = contentHash('earlier');
const alike = contentHash('wanted # by another form');
const doubt = `cut-${shortHash(earlier)}-41`;

const targetOf = (index: number, hash: string, request = ''): Target => ({
  namespace: 'team', pod: `web-${index}`, uid: `uid-${index}`, container: 'app', running: { containerId: 'c', restartCount: 0, startedAt: 0, isReady: true },
  channel: { kind: 'endpoint', scheme: 'http', host: '10.0.0.1', port: 80, path: '/' }, isMounted: true, record: { hash, containerId: 'c', request },
}); // prettier-ignore
const statusOf = (change: Partial<ConfigReloadStatus>): ConfigReloadStatus => ({
  ...EMPTY_STATUS,
  desiredHash: wanted,
  equivalentHashes: [alike],
  ...change,
});
const requested = [
  { type: 'Progressing', status: 'True', reason: 'Requested', message: '', lastTransitionTime: '', observedGeneration: 1 },
] as const; // prettier-ignore
const policy = { canary: 1, batchSize: { count: 2 }, requestedAt: 'now' };

it.each([
  ['by its hash', {}, [wanted, earlier, wanted, earlier], [], ['web-1', 'web-3']],
  ['by that of a text with the same values', {}, [alike, wanted, earlier, earlier], [], ['web-2', 'web-3']],
  ['not by what an earlier rollout left in doubt', { doubt }, [wanted, wanted, wanted, wanted], ['', doubtToken(doubt)], ['web-0', 'web-2', 'web-3']],
  ['by the request, where one is open', { conditions: requested }, [wanted, wanted, wanted, wanted], [requestToken('now')], ['web-1', 'web-2', 'web-3']],
] as const)('a target counts as done %s', (_name, change, hashes, requests, waiting) => {
  const targets = hashes.map((hash, index) => targetOf(index, hash, requests[index]));
  const progress = measureProgress(targets, statusOf(change), policy);
  expect(progress.waiting).toEqual(waiting.map((pod) => `${pod}/app`));
  expect(progress).toMatchObject({ total: 4, done: 4 - waiting.length });
}); // prettier-ignore

it('the waves fill one after the other', () => {
  const targets = [wanted, wanted, earlier, earlier].map((hash, index) => targetOf(index, hash));
  const { waves } = measureProgress(targets, statusOf({}), policy);
  expect(waves).toEqual([
    { name: 'canary', size: 1, done: 1 },
    { name: '1', size: 2, done: 1 },
    { name: '2', size: 1, done: 0 },
  ]);
});
