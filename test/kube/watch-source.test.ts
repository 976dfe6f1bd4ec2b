import { pino } from 'pino';
import { afterEach, describe, expect, test } from 'vitest';
import type { Http2ServerResponse } from 'node:http2';
import { createKubeClient } from '../../src/kube/kube-client.ts';
import { createWatchSource } from '../../src/kube/watch-source.ts';
import { WatchFailure } from '../../src/runtime/lister-watcher.ts';
import { Reflector } from '../../src/runtime/reflector.ts';
import { answer, FaultServer } from './fault-server.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

type PlayWatch = (response: Http2ServerResponse, nth: number) => unknown;

/**
 * A reflector over real connections to a server that plays `plays` to its watches, one after the other; the last one again and
 * again. `idleTimeoutMs` replaces the reflector's own. `asked`: what came, without comparisons of versions.
 */
async function run(plays: readonly PlayWatch[], idleTimeoutMs?: number) {
  let nth = 0;
  const server = await FaultServer.start(({ url }, response) => {
    if (isComparison(url)) {
      answer(response, 200, { metadata: { resourceVersion: '9' } });
      return undefined;
    }
    const at = nth++;
    return plays[Math.min(at, plays.length - 1)]!(response, at);
  });
  const client = createKubeClient({
    kubeconfig: server.kubeconfig,
    userAgent: 'test',
    logger: pino({ level: 'silent' }),
  });
  const stop = new AbortController();
  const failures: { kind: string; retryAfterMs: number | undefined; isAnswer: boolean }[] = [];
  const source = createWatchSource({
    client,
    resource: { version: 'v1', plural: 'configmaps' },
    isMetadataOnly: true,
  });
  const reflector = new Reflector<string>({
    source: {
      ...source,
      watch: (query, signal) => source.watch(idleTimeoutMs === undefined ? query : { ...query, idleTimeoutMs }, signal),
    },
    trim: (object) => (object as { metadata: { resourceVersion: string } }).metadata.resourceVersion,
    onChange: () => undefined,
    hooks: { failed: ({ kind, retryAfterMs, isAnswer }) => failures.push({ kind, retryAfterMs, isAnswer }) },
    random: () => 0.001, // the back-off is tested with an injected clock
  });
  const running = reflector.run(stop.signal);
  cleanups.push(
    () => server.stop(),
    () => client.close(),
    () => running,
    () => stop.abort(),
  );
  const asked = () => server.requests.filter((request) => !isComparison(request));
  return { server, asked, reflector, failures };
}

/** A reflector whose watch broke off asks how new the server's data is. */
const isComparison = (request: string) => request.endsWith('?limit=1');

const line = (type: string, object: unknown) => `${JSON.stringify({ type, object })}\n`;
const object = (name: string, version: number) => ({ metadata: { name, uid: name, resourceVersion: String(version) } });
const added = (name: string, version: number) => line('ADDED', object(name, version));
const synced = (version: number) =>
  line('BOOKMARK', {
    metadata: { resourceVersion: String(version), annotations: { 'k8s.io/initial-events-end': 'true' } },
  });

/** Everything there is, then `fault`. */
const first =
  (fault: PlayWatch): PlayWatch =>
  (response, nth) => {
    response.write(added('a', 1) + synced(2));
    return fault(response, nth);
  };
/** A watch that is taken, and says nothing. */
const begins: PlayWatch = (response) => response.stream.respond({ ':status': 200 });
/** A watch that tells of `b`, and stays. */
const goesOn: PlayWatch = (response) => response.write(added('b', 9));

describe('F11: a stream that breaks is begun again where it was', () => {
  const broken = { kind: 'broken', retryAfterMs: undefined, isAnswer: false };
  test.each<[string, PlayWatch]>([
    ['a truncated line', (response) => response.end('{"type":"ADDED","object":{"meta')],
    ['a line that is not JSON', (response) => response.end('what?\n')],
    ['bytes that are not UTF-8', (response) => response.end(Buffer.from([0xff, 0xfe, 0x0a]))],
    ['an event of an unknown type', (response) => response.end(line('SURPRISE', object('x', 3)))],
    ['an ERROR without a code', (response) => response.end(line('ERROR', { message: 'etcd is sad' }))],
    ['an ERROR of null', (response) => response.end(line('ERROR', null))],
    ['a bookmark without a version', (response) => response.end(line('BOOKMARK', { metadata: {} }))],
    ['an event of 5 MB', (response) => response.end(`${'x'.repeat(5 << 20)}\n`)],
    ['a reset', (response) => response.stream.session?.destroy()],
  ])('%s', async (_, fault) => {
    const { asked, reflector, failures } = await run([
      first((response) => setTimeout(() => fault(response, 0), 20)),
      goesOn,
    ]);
    await expect.poll(() => reflector.store.keys(), { timeout: 10_000 }).toEqual(['a', 'b']);
    expect(failures).toEqual([broken]);
    expect(asked()).toHaveLength(2);
    expect(asked()[0]).toContain('sendInitialEvents=true');
    expect(asked()[1]).toContain('resourceVersion=2');
  });

  test('silence, though the socket stands, is no fault: the server may have nothing to say', async () => {
    const { asked, reflector, failures } = await run([first(() => undefined), begins, goesOn], 500);
    await expect.poll(() => reflector.store.keys(), { timeout: 10_000 }).toEqual(['a', 'b']);
    expect(failures).toEqual([]);
    expect(asked().length).toBeGreaterThanOrEqual(3);
    for (const request of asked().slice(1)) expect(request).toContain('resourceVersion=2');
  });

  test('silence before the initial events have ended is one', async () => {
    const { reflector, failures } = await run(
      [
        (response) => response.write(added('a', 1)),
        (response) => answer(response, 200, { metadata: { resourceVersion: '4' }, items: [object('a', 1)] }),
        goesOn,
      ],
      500,
    );
    await expect.poll(() => reflector.store.keys(), { timeout: 10_000 }).toEqual(['a', 'b']);
    expect(failures.map(({ kind }) => kind)).toEqual(['silent']);
  });

  test('split UTF-8 is no fault: characters come in pieces', async () => {
    const bytes = Buffer.from(
      line('ADDED', { metadata: { name: 'ä€😀', uid: 'u', resourceVersion: '1' } }) + synced(2),
    );
    const { reflector, failures } = await run([
      async (response) => {
        for (const byte of bytes) {
          response.write(Buffer.of(byte));
          await new Promise((resolve) => setImmediate(resolve));
        }
      },
    ]);
    await expect.poll(() => reflector.store.keys(), { timeout: 10_000 }).toEqual(['ä€😀']);
    expect(failures).toEqual([]);
  });
});

describe('refusals', () => {
  const status = (code: number, reason: string, extra: object = {}) => ({
    kind: 'Status',
    code,
    reason,
    message: reason,
    ...extra,
  });
  const tooLarge = status(504, 'Timeout', {
    details: { causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }] },
  });

  test.each<[string, PlayWatch, object, string]>([
    [
      '410 as an HTTP status',
      (r) => answer(r, 410, status(410, 'Expired')),
      { kind: 'expired', isAnswer: true },
      'sendInitialEvents',
    ],
    [
      '410 in the stream',
      (r) => r.end(line('ERROR', status(410, 'Expired'))),
      { kind: 'expired' },
      'sendInitialEvents',
    ],
    [
      'F14: a version from the future',
      (r) => answer(r, 504, tooLarge),
      { kind: 'expired', isAnswer: true },
      'sendInitialEvents',
    ],
    [
      '500',
      (r) => answer(r, 500, status(500, 'InternalError')),
      { kind: 'broken', isAnswer: true },
      'resourceVersion=2',
    ],
    [
      '403',
      (r) => answer(r, 403, status(403, 'Forbidden')),
      { kind: 'forbidden', isAnswer: true },
      'resourceVersion=2',
    ],
    [
      '429 with Retry-After 0',
      (r) => answer(r, 429, status(429, 'TooManyRequests'), { 'retry-after': '0' }),
      { kind: 'broken', retryAfterMs: 0 },
      'resourceVersion=2',
    ],
    [
      '429 in the stream',
      (r) => r.end(line('ERROR', status(429, 'TooManyRequests', { details: { retryAfterSeconds: 0 } }))),
      { kind: 'broken', retryAfterMs: 0 },
      'resourceVersion=2',
    ],
  ])('%s', async (_, refuse, failure, next) => {
    const isAnew = next === 'sendInitialEvents';
    const again: PlayWatch = (r) => r.write(isAnew ? added('a', 1) + added('b', 9) + synced(10) : added('b', 9));
    const { asked, reflector, failures } = await run([first((response) => response.end()), refuse, again]);
    await expect.poll(() => reflector.store.keys(), { timeout: 10_000 }).toEqual(['a', 'b']);
    expect(failures).toHaveLength(1);
    expect(failures[0]).toMatchObject(failure);
    expect(asked()[2]).toContain(next);
  });

  test.each([
    ['7', 7_000],
    ['1e9', 60_000],
    ['-4', 0],
    [new Date(Date.now() + 3_600_000).toUTCString(), 60_000],
  ])('F7: Retry-After: %s becomes a wait of %i ms', async (value, ms) => {
    const server = await FaultServer.start((_, response) =>
      answer(response, 429, status(429, 'TooManyRequests'), { 'retry-after': value }),
    );
    const client = createKubeClient({
      kubeconfig: server.kubeconfig,
      userAgent: 'test',
      logger: pino({ level: 'silent' }),
    });
    cleanups.push(
      () => server.stop(),
      () => client.close(),
    );
    const source = createWatchSource({ client, resource: { version: 'v1', plural: 'pods' } });
    const { signal } = new AbortController();
    for (const call of [
      source.list({ limit: 500, continue: undefined }, signal),
      source.watch({ resourceVersion: '1', timeoutSeconds: 300, idleTimeoutMs: 1_000 }, signal),
    ]) {
      const failure: unknown = await call.then(
        () => undefined,
        (error: unknown) => error,
      );
      expect(failure).toBeInstanceOf(WatchFailure);
      expect(failure).toMatchObject({ kind: 'broken', retryAfterMs: ms });
    }
  });

  test('a server without WatchList is asked for pages of metadata', async () => {
    const { asked, reflector } = await run([
      (response) => answer(response, 422, status(422, 'Invalid')),
      (response) =>
        answer(response, 200, { metadata: { resourceVersion: '4', continue: 'x' }, items: [object('a', 1)] }),
      (response) => answer(response, 200, { metadata: { resourceVersion: '4' }, items: [object('b', 2)] }),
      goesOn,
    ]);
    await expect.poll(() => asked().length, { timeout: 10_000 }).toBe(4);
    expect(reflector.store.keys()).toEqual(['a', 'b']);
    expect(asked().slice(1, 3)).toEqual([
      'GET /api/v1/configmaps?limit=500',
      'GET /api/v1/configmaps?limit=500&continue=x',
    ]);
    expect(asked()[3]).toContain('resourceVersion=4');
  });
});
