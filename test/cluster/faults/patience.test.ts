import { describe, expect, test } from 'vitest';
import { contentHash } from '../../../src/core/content-hash.ts';
import { configText } from '../config-reload.ts';
import { createEndpointTargets } from '../endpoint-targets.ts';
import { useCluster } from '../use-cluster.ts';
import { waitUntil } from '../wait-until.ts';
import type { Call, Fault } from './fault-proxy.ts';
import { asItIs, LineFaults } from './line-faults.ts';
import { SourceUser } from './source-user.ts';
import { useProxiedController } from './proxied-controller.ts';

const [one, two, three] = [configText(2048), configText(4096), configText(6144)];
const expired = JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', code: 410, reason: 'Expired' });

/** An API server that wants to be left alone is, and work goes on as soon as it can. */
describe('patience', async () => {
  const cluster = await useCluster();
  const { namespace } = cluster;
  const user = new SourceUser(cluster, namespace);
  const controller = useProxiedController(cluster);
  let count = 0;
  async function settledSource() {
    const name = `patient-${count++}`;
    const targets = await createEndpointTargets(cluster, { namespace, configMap: name, count: 2, prefix: name });
    await user.apply(name, one);
    await user.untilApplied(name, one);
    return { name, applied: () => targets.map(({ applied }) => applied) };
  }

  test.each<[string, string | undefined, [atLeast: number, atMost: number]]>([
    ['a number of seconds', '7', [7_000, 7_000]],
    ['an absurd number of seconds', '1e9', [60_000, 60_000]],
    ['a date soon', new Date(Date.now() + 45_000).toUTCString(), [1, 45_000]],
    ['a date far away', new Date(Date.now() + 86_400_000).toUTCString(), [60_000, 60_000]],
    ['a date in the past', new Date(0).toUTCString(), [0, 100]],
    ['a negative number', '-7', [0, 100]],
    ['no number', 'soon', [0, 100]],
    ['nothing', undefined, [0, 100]],
  ])('F7: Retry-After is %s (%s)', async (_, retryAfter, [atLeast, atMost]) => {
    const { name, applied } = await settledSource();
    controller.proxy.play({
      name: 'throttled',
      matches: ({ method, path }) => method === 'GET' && path.endsWith(`/configmaps/${name}`),
      times: 1,
      fault: () => ({
        kind: 'answer',
        status: 429,
        ...(retryAfter === undefined ? {} : { headers: { 'retry-after': retryAfter } }),
      }),
    });
    await user.apply(name, two);
    const failure = await waitUntil({
      what: 'the wait is announced',
      check: () =>
        controller.running.log.find(
          ({ msg, source }) => msg === 'reconcile failed' && source === `${namespace}/${name}`,
        ),
    });
    controller.proxy.rest();
    expect(failure['retryInMs']).toBeGreaterThanOrEqual(atLeast);
    expect(failure['retryInMs']).toBeLessThanOrEqual(atMost);
    // What is new need not wait for what was refused.
    await user.apply(name, three);
    await user.untilApplied(name, three);
    for (const hashes of applied()) expect(hashes.at(-1)).toBe(contentHash(three));
  });

  const isOfSources = ({ isWatch, path }: Call) => isWatch && path.endsWith('/configmaps');
  const isListing = (call: Call) => isOfSources(call) && call.query.has('sendInitialEvents');
  const isResumed = (call: Call) => isOfSources(call) && !call.query.has('sendInitialEvents');
  const cutWhenListed = new LineFaults((line) => ({ ...asItIs(line), cut: line.includes('initial-events-end') }));
  test.each<[string, () => Fault]>([
    ['as an answer', () => ({ kind: 'answer', status: 410, body: expired })],
    [
      'in the stream',
      () => ({
        kind: 'lines',
        faults: new LineFaults(() => ({ pieces: [`{"type":"ERROR","object":${expired}}\n`], cut: true })),
      }),
    ],
  ])(
    'F6: a storm of 410, %s: a bounded number of lists, no reload for nothing, and then it converges',
    async (_, fault) => {
      const { name, applied } = await settledSource();
      controller.proxy.play(
        { name: 'refused', matches: isResumed, fault },
        { name: 'cut when all is told', matches: isListing, fault: () => ({ kind: 'lines', faults: cutWhenListed }) },
      );
      await controller.restart();
      const from = controller.proxy.calls.length;
      // Only a list can tell of this one, and lists come at most 30 s apart twice.
      await user.apply(name, two);
      await user.untilApplied(name, two, 100_000);
      const asked = (is: (call: Call) => boolean) => controller.proxy.calls.slice(from).filter(is).length;
      let edits = 0;
      const isRefusedOften = async () => {
        await user.apply('foreign', String(edits++), { enabled: 'false' }); // an event, for what is said in the stream
        return asked(isResumed) >= 3;
      };
      await waitUntil({ what: 'it was refused three times', check: isRefusedOften, everyMs: 500, timeoutMs: 100_000 });
      expect(asked(isListing)).toBeLessThanOrEqual(12);
      expect(applied()).toEqual(Array(2).fill([one, two].map(contentHash)));
      controller.proxy.rest();
      await user.apply(name, three);
      await user.untilApplied(name, three, 100_000);
      expect(applied()).toEqual(Array(2).fill([one, two, three].map(contentHash)));
    },
    240_000,
  );
});
