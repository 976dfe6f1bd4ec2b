import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { contentHash } from '../../../src/core/content-hash.ts';
import { configText, waitForReload } from '../config-reload.ts';
import { createEndpointTargets } from '../endpoint-targets.ts';
import { useCluster } from '../use-cluster.ts';
import type { Call, Fault, Rule } from './fault-proxy.ts';
import { asItIs, type LineFault, LineFaults } from './line-faults.ts';
import { useProxiedController } from './proxied-controller.ts';

const status = (code: number, reason: string, retryAfterSeconds?: number) =>
  JSON.stringify({
    kind: 'Status',
    apiVersion: 'v1',
    status: 'Failure',
    code,
    reason,
    message: reason,
    details: { retryAfterSeconds },
  });
const answer = (code: number, reason: string, headers: Record<string, string> = {}): Fault => ({
  kind: 'answer', status: code, headers, body: status(code, reason),
}); // prettier-ignore

const on = (method: string, path: RegExp) => (call: Call) =>
  call.method === method && path.test(call.path) && !call.isWatch;
const statusPut = on('PUT', /\/configreloads\/[^/]+\/status$/);
const podPatch = on('PATCH', /\/pods\/[^/]+\/status$/);
const sourceGet = on('GET', /\/configmaps\/[^/]+$/);
const reloadGet = on('GET', /\/configreloads\/[^/]+$/);
const podGet = on('GET', /\/pods\/[^/]+$/);
const revisionPost = on('POST', /\/controllerrevisions$/);
const eventPost = on('POST', /\/events$/);
const watch = (resource: string) => (call: Call) => call.isWatch && call.path.endsWith(`/${resource}`);

const lines = (fault: LineFault) => (): Fault => ({ kind: 'lines', faults: new LineFaults(fault) });
const isChange = (line: string) => line.startsWith('{"type":"MODIFIED"');

/** What is done to the API while one text replaces another; after it all is as if nothing had been. */
const rows: Record<string, { readonly rules: readonly Omit<Rule, 'name'>[]; readonly isWatched?: boolean; readonly isHarmless?: boolean }> = {
  'a status write is throttled twice, with Retry-After': { rules: [{ matches: statusPut, times: 2, fault: () => answer(429, 'TooManyRequests', { 'retry-after': '1' }) }] },
  'Retry-After is absurd': { rules: [{ matches: sourceGet, times: 1, fault: () => answer(503, 'ServiceUnavailable', { 'retry-after': '-7' }) }] },
  'reads of the source fail three times': { rules: [{ matches: sourceGet, times: 3, fault: () => answer(500, 'InternalError') }] },
  'reads of the ConfigReload fail': { rules: [{ matches: reloadGet, times: 2, fault: () => ({ kind: 'drop' }) }] },
  'a status write is carried out, and answered 504': { rules: [{ matches: statusPut, times: 2, fault: () => ({ kind: 'replaceAnswer', status: 504, body: status(504, 'Timeout') }) }] },
  'a status is refused for its size': { rules: [{ matches: statusPut, times: 1, fault: () => answer(413, 'RequestEntityTooLarge') }] },
  'a status is refused as invalid': { rules: [{ matches: statusPut, times: 1, fault: () => answer(422, 'Invalid') }] },
  'status writes are forbidden for a while': { rules: [{ matches: statusPut, times: 4, fault: () => answer(403, 'Forbidden') }] },
  'the answer to a status write is lost': { rules: [{ matches: statusPut, times: 2, fault: () => ({ kind: 'loseAnswer' }) }] },
  'five conflicts in a row': { rules: [{ matches: statusPut, times: 5, fault: () => answer(409, 'Conflict') }] },
  'the record on the pod is carried out, its answer lost': { rules: [{ matches: podPatch, times: 1, fault: () => ({ kind: 'loseAnswer' }) }] },
  'the record on the pod is refused for a while': { rules: [{ matches: podPatch, times: 3, fault: () => answer(503, 'ServiceUnavailable') }] },
  'the pod cannot be read for a while': { rules: [{ matches: podGet, times: 3, fault: () => ({ kind: 'drop' }) }] },
  'the revision is written, its answer lost': { rules: [{ matches: revisionPost, times: 1, fault: () => ({ kind: 'loseAnswer' }) }] },
  'events are forbidden': { rules: [{ matches: eventPost, fault: () => answer(403, 'Forbidden') }] },
  'everything takes a while longer': { rules: [{ matches: (call) => !call.isWatch, fault: () => ({ kind: 'delay', ms: 150 }) }] },
  'watch events come twice': { isWatched: true, rules: [{ matches: watch('configmaps'), fault: lines((line) => ({ pieces: [`${line}\n${line}\n`] })) }] },
  'a watch line is cut in the middle': { isWatched: true, rules: [{ matches: watch('configmaps'), times: 1, fault: lines((line) => (isChange(line) ? { pieces: [line.slice(0, 80)], cut: true } : asItIs(line))) }] },
  'watch lines come byte by byte': { isWatched: true, isHarmless: true, rules: [{ matches: watch('configmaps'), fault: lines((line) => ({ pieces: [...Buffer.from(`${line}\n`)].map((byte) => Buffer.from([byte])) })) }] },
  'a watch says in mid-stream that it has expired': { isWatched: true, rules: [{ matches: watch('configmaps'), times: 2, fault: lines((line) => (isChange(line) ? { pieces: [`{"type":"ERROR","object":${status(410, 'Expired')}}\n`], cut: true } : asItIs(line))) }] },
  'a watch is refused as expired': { isWatched: true, rules: [{ matches: watch('configmaps'), times: 2, fault: () => answer(410, 'Expired') }] },
  'a watch event is of a kind that nobody knows': { isWatched: true, rules: [{ matches: watch('configmaps'), times: 1, fault: lines((line) => (isChange(line) ? { pieces: ['{"type":"PERHAPS","object":{}}\n'] } : asItIs(line))) }] },
  'an ERROR event has no code': { isWatched: true, rules: [{ matches: watch('configmaps'), times: 1, fault: lines((line) => (isChange(line) ? { pieces: ['{"type":"ERROR","object":{}}\n'] } : asItIs(line))) }] },
  'the pod watch is cut over and over': { isWatched: true, rules: [{ matches: watch('pods'), times: 3, fault: () => ({ kind: 'drop' }) }] },
}; // prettier-ignore

describe('through faults', async () => {
  const cluster = await useCluster();
  const { namespace } = cluster;
  const controller = useProxiedController(cluster);
  let count = 0;

  async function apply(name: string, text: string): Promise<void> {
    // Of characters that take several bytes: watch lines are cut within them.
    const annotations = { 'reload.leindex.io/enabled': 'true', 'example.com/note': 'ä€😀'.repeat(20) };
    const metadata = { name, annotations };
    await cluster.apply(
      { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { 'mcp.yaml': text } } as never,
      namespace,
    );
  }
  const settled = (name: string, text: string) =>
    waitForReload(cluster, { namespace, name }, (one) => one.appliedHash === contentHash(text) && one.podsReady === '2/2' && one.conditions.find(({ type }) => type === 'Progressing')?.status === 'False', 60_000); // prettier-ignore
  /** Resolves after half a second without a call; fails where it never gets quiet. */
  async function silence(): Promise<void> {
    for (let look = 0; look < 40; look++) {
      const before = controller.proxy.calls.length;
      await sleep(500);
      if (controller.proxy.calls.length === before) return;
    }
    throw new Error(
      `never quiet: ${controller.proxy.calls
        .slice(-5)
        .map(({ method, path }) => `${method} ${path}`)
        .join(', ')}`,
    );
  }

  test.each(Object.entries(rows))('%s', async (name, { rules, isWatched = false, isHarmless = false }) => {
    const source = `fault-${count++}`;
    const [before, after] = [configText(2048), configText(4096)];
    const targets = await createEndpointTargets(cluster, { namespace, configMap: source, count: 2, prefix: source });
    await apply(source, before);
    await settled(source, before);
    await silence();

    controller.proxy.play(...rules.map((rule, index) => ({ ...rule, name: `${name} (${index + 1})` })));
    // New watches, by a process whose back-off is fresh.
    if (isWatched) await controller.restart();
    await apply(source, after);
    const status = await settled(source, after);
    controller.proxy.rest();
    await silence();

    expect(targets.map(({ applied }) => applied)).toEqual([
      [before, after].map(contentHash),
      [before, after].map(contentHash),
    ]);
    expect(status.history.filter(({ newHash }) => newHash === contentHash(after))).toMatchObject([
      { result: 'success', revision: 2 },
    ]);
    expect(new Set(status.history.map(({ id }) => id)).size).toBe(status.history.length);
    const revisions = await cluster.apps.listNamespacedControllerRevision({
      namespace,
      labelSelector: `reload.leindex.io/source=${source}`,
    });
    expect(revisions.items.map(({ revision }) => revision).sort()).toEqual([1, 2]);
    expect(controller.running.process.exitCode).toBeNull();
    if (isWatched && isHarmless) expect(controller.running.log.filter(({ msg }) => msg === 'watch failed')).toEqual([]);
  });

  test('an edit that no watch tells of is superseded by the next one', async () => {
    const source = `fault-${count++}`;
    const texts = [configText(2048), configText(4096), configText(5120)] as const;
    const targets = await createEndpointTargets(cluster, { namespace, configMap: source, count: 2, prefix: source });
    await apply(source, texts[0]);
    await settled(source, texts[0]);
    let swallowed = 0;
    controller.proxy.play({
      name: 'swallow',
      matches: watch('configmaps'),
      fault: lines((line) => (isChange(line) && swallowed++ === 0 ? { pieces: [] } : asItIs(line))),
    });
    await controller.restart();
    await apply(source, texts[1]);
    await sleep(500);
    await apply(source, texts[2]);
    await settled(source, texts[2]);
    controller.proxy.rest();
    expect(swallowed).toBeGreaterThan(0);
    expect(targets.map(({ applied }) => applied.at(-1))).toEqual([contentHash(texts[2]), contentHash(texts[2])]);
  });

  test('bad after good, good after bad: it ends as good alone does', async () => {
    const source = `fault-${count++}`;
    const targets = await createEndpointTargets(cluster, { namespace, configMap: source, count: 2, prefix: source });
    await apply(source, 'memory: [');
    await waitForReload(cluster, { namespace, name: source }, (one) =>
      one.conditions.some(({ type, status }) => type === 'Valid' && status === 'False'),
    );
    await apply(source, configText(2048));
    await settled(source, configText(2048));
    await apply(source, 'version: "9.9"');
    await waitForReload(cluster, { namespace, name: source }, (one) =>
      one.conditions.some(({ type, status }) => type === 'Valid' && status === 'False'),
    );
    await apply(source, configText(2048));
    const status = await settled(source, configText(2048));
    expect(status).toMatchObject({ appliedRevision: 1, lastKnownGood: { revision: 1 } });
    expect(targets.map(({ applied }) => applied)).toEqual([
      [contentHash(configText(2048))],
      [contentHash(configText(2048))],
    ]);
  });

  test('without its CRD the controller touches nobody, and goes on when it is there again', async () => {
    const source = `fault-${count++}`;
    const targets = await createEndpointTargets(cluster, { namespace, configMap: source, count: 2, prefix: source });
    await apply(source, configText(2048));
    await settled(source, configText(2048));
    controller.proxy.play({
      name: 'no CRD',
      matches: (call) => call.path.includes('/configreloads'),
      fault: () => ({ kind: 'answer', status: 404, body: '404 page not found' }),
    });
    await apply(source, configText(4096));
    await sleep(1500);
    controller.proxy.rest();
    expect(targets.map(({ applied }) => applied.length)).toEqual([1, 1]);
    await settled(source, configText(4096));
  });
});
