import { cp, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { afterEach, describe, expect, test } from 'vitest';
import { createKubeClient, type KubeClient } from '../../src/kube/kube-client.ts';
import { resourcePath } from '../../src/kube/resource-path.ts';
import { answer, FaultServer, readBody, type Play } from './fault-server.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function useClient(play: Play, http2 = true): Promise<{ server: FaultServer; client: KubeClient }> {
  const server = await FaultServer.start(play, http2);
  const client = createKubeClient({
    kubeconfig: server.kubeconfig,
    userAgent: 'test/1',
    logger: pino({ level: 'silent' }),
  });
  cleanups.push(
    () => server.stop(),
    () => client.close(),
  );
  return { server, client };
}

async function collect(lines: AsyncIterable<string>): Promise<string[]> {
  const all: string[] = [];
  for await (const line of lines) all.push(line);
  return all;
}

const never = new AbortController().signal;

describe('connections', () => {
  const list: Play = (_, response) => answer(response, 200, { items: [] });

  test('50 lists at once and 50 in a row take at most 2 TCP connections', async () => {
    const { server, client } = await useClient(list);
    await Promise.all(Array.from({ length: 50 }, () => client.request({ path: '/api/v1/pods' })));
    for (let n = 0; n < 50; n++) await client.request({ path: '/api/v1/pods' });
    expect(server.requests).toHaveLength(100);
    expect(server.connections).toBeLessThanOrEqual(2);
  });

  test('without HTTP/2, 50 lists in a row take one and 50 at once take at most 8', async () => {
    const { server, client } = await useClient(list, false);
    for (let n = 0; n < 50; n++) await client.request({ path: '/api/v1/pods' });
    expect(server.connections).toBe(1);
    await Promise.all(Array.from({ length: 50 }, () => client.request({ path: '/api/v1/pods' })));
    expect(server.connections).toBeLessThanOrEqual(8);
  });

  test('the Lease and the watches do not share the connection of the calls', async () => {
    const { server, client } = await useClient(list);
    await client.request({ path: '/a' });
    await client.request({ path: '/b', lane: 'lease' });
    await client.stream({ path: '/c', signal: never, idleTimeoutMs: 1_000 });
    expect(server.connections).toBe(3);
  });
});

describe('a call', () => {
  test('carries token, user agent, query and JSON', async () => {
    let seen: unknown;
    const { client } = await useClient(async (request, response) => {
      const { authorization, accept, 'content-type': type, 'user-agent': agent } = request.headers;
      seen = {
        method: request.method,
        url: request.url,
        authorization,
        accept,
        type,
        agent,
        body: await readBody(request),
      };
      answer(response, 201, { made: true });
    });
    const made = await client.request<{ made: boolean }>({
      method: 'POST',
      path: '/api/v1/namespaces/a/events',
      query: { limit: 5, dryRun: ['All'], continue: undefined },
      body: { kind: 'Event' },
    });
    expect(made).toMatchObject({ status: 201, body: { made: true } });
    expect(seen).toEqual({
      method: 'POST',
      url: '/api/v1/namespaces/a/events?limit=5&dryRun=All',
      authorization: 'Bearer first',
      accept: 'application/json',
      type: 'application/json',
      agent: 'test/1',
      body: '{"kind":"Event"}',
    });
  });

  test('patches always name their content type and the field manager', async () => {
    const seen: unknown[] = [];
    const { client } = await useClient((request, response) => {
      seen.push([request.method, request.url, request.headers['content-type']]);
      answer(response, 200, {});
    });
    await client.mergePatch('/m', { a: null });
    await client.applyPatch('/a', { kind: 'X' });
    expect(seen).toEqual([
      ['PATCH', '/m?fieldManager=leindex-reloader', 'application/merge-patch+json'],
      ['PATCH', '/a?fieldManager=leindex-reloader&force=true', 'application/apply-patch+yaml'],
    ]);
  });

  test('that is refused throws the classified Status with its Retry-After', async () => {
    const { client } = await useClient((_, response) =>
      answer(response, 429, { kind: 'Status', reason: 'TooManyRequests', message: 'later' }, { 'retry-after': '7' }),
    );
    await expect(client.request({ path: '/x' })).rejects.toMatchObject({
      kind: 'Throttled',
      retryAfterMs: 7_000,
      status: 429,
    });
  });

  test('is never redirected', async () => {
    const { server, client } = await useClient((_, response) => answer(response, 307, '', { location: '/elsewhere' }));
    await expect(client.request({ path: '/x' })).rejects.toMatchObject({ kind: 'Fatal', status: 307 });
    expect(server.requests).toEqual(['GET /x']);
  });

  test('without an answer ends at its deadline, as Timeout', async () => {
    const { client } = await useClient(() => undefined);
    await expect(client.request({ path: '/x', deadlineMs: 100 })).rejects.toMatchObject({ kind: 'Timeout' });
  });

  test('whose answer drips for ever ends at its deadline, as Timeout', async () => {
    const { client } = await useClient((_, response) => {
      const timer = setInterval(() => response.write(' '), 10);
      response.on('close', () => clearInterval(timer));
    });
    await expect(client.request({ path: '/x', deadlineMs: 200 })).rejects.toMatchObject({ kind: 'Timeout' });
  });

  test('that is aborted is Aborted, whatever the reason was', async () => {
    const { client } = await useClient(() => stop.abort('SIGTERM'));
    const stop = new AbortController();
    await expect(client.request({ path: '/x', signal: stop.signal })).rejects.toMatchObject({ kind: 'Aborted' });
    await expect(client.request({ path: '/x', signal: stop.signal })).rejects.toMatchObject({ kind: 'Aborted' });
  });

  test('whose answer is cut JSON is Transient; text stays text', async () => {
    const { client } = await useClient((request, response) =>
      answer(response, 200, request.url === '/healthz' ? 'ok' : '{"a":'),
    );
    await expect(client.request({ path: '/x' })).rejects.toMatchObject({ kind: 'Transient', reason: 'BrokenAnswer' });
    await expect(client.request({ path: '/healthz' })).resolves.toMatchObject({ body: 'ok' });
  });

  test('over a connection that was reset is followed by one that works; to a closed port it is Transient', async () => {
    const { server, client } = await useClient((_, response) => answer(response, 200, {}));
    await client.request({ path: '/x' });
    for (const socket of server.sockets) socket.destroy();
    await expect
      .poll(() =>
        client.request({ path: '/x' }).then(
          ({ status }) => status,
          () => 0,
        ),
      )
      .toBe(200);
    await server.stop();
    await expect(client.request({ path: '/x' })).rejects.toMatchObject({ kind: 'Transient' });
  });
});

describe('credentials', () => {
  test('a 401 is tried once more with the token read again', async () => {
    const { server, client } = await useClient((request, response) =>
      answer(response, request.headers.authorization === 'Bearer second' ? 200 : 401, {}),
    );
    await expect(client.request({ path: '/x' })).rejects.toMatchObject({ kind: 'Unauthorized' });
    expect(server.requests).toHaveLength(2);
    const before = client.kubeConfig;
    await server.writeKubeconfig({ token: 'second' });
    await Promise.all(Array.from({ length: 10 }, () => client.request({ path: '/x' })));
    expect(server.requests.length).toBeLessThanOrEqual(22);
    expect(client.kubeConfig).not.toBe(before);
  });

  test('a token file that was rotated is read again on 401, though client-node caches it for a minute', async () => {
    const { server, client } = await useClient((request, response) =>
      answer(response, request.headers.authorization === 'Bearer new' ? 200 : 401, {}),
    );
    const file = `${server.folder}/token`;
    await writeFile(file, 'old');
    await server.writeKubeconfig({ 'auth-provider': { name: 'tokenFile', config: { tokenFile: file } } });
    await expect(client.request({ path: '/x' })).rejects.toMatchObject({ kind: 'Unauthorized' });
    await writeFile(file, 'new');
    await expect(client.request({ path: '/x' })).resolves.toMatchObject({ status: 200 });
  });

  test('a rotated CA is trusted within seconds, and exec gets a KubeConfig without the old one', async () => {
    const { server, client } = await useClient((_, response) => answer(response, 200, {}));
    await client.request({ path: '/x' });
    const before = client.kubeConfig;
    await server.rotateAuthority();
    await expect
      .poll(
        () =>
          client.request({ path: '/x' }).then(
            () => true,
            () => false,
          ),
        { timeout: 15_000, interval: 200 },
      )
      .toBe(true);
    expect(client.kubeConfig).not.toBe(before);
  });

  test('a server with a foreign certificate gets no token: Fatal', async () => {
    const { server, client } = await useClient((_, response) => answer(response, 200, {}));
    const other = await FaultServer.start((_, response) => answer(response, 200, {}));
    cleanups.push(() => other.stop());
    await cp(`${server.folder}/ca.crt`, `${other.folder}/ca.crt`);
    const deceived = createKubeClient({
      kubeconfig: other.kubeconfig,
      userAgent: 'test/1',
      logger: pino({ level: 'silent' }),
    });
    cleanups.push(() => deceived.close());
    await expect(deceived.request({ path: '/x' })).rejects.toMatchObject({ kind: 'Fatal' });
    expect(other.requests).toEqual([]);
    await client.request({ path: '/x' });
  });
});

describe.each([
  ['HTTP/2', true],
  ['HTTP/1.1', false],
])('a stream over %s', (_, http2) => {
  const stream = (
    client: KubeClient,
    extra: { signal?: AbortSignal; idleTimeoutMs?: number; deadlineMs?: number } = {},
  ) => client.stream({ path: '/w', query: { watch: true }, signal: never, idleTimeoutMs: 10_000, ...extra });

  test('yields lines whose characters were split between chunks', async () => {
    const bytes = Buffer.from('{"a":"ä€😀"}\n\n{"b":1}\n');
    const { client } = await useClient(async (_, response) => {
      for (const byte of bytes) {
        response.write(Buffer.of(byte));
        await sleep(1);
      }
      response.end();
    }, http2);
    expect(await collect(await stream(client))).toEqual(['{"a":"ä€😀"}', '{"b":1}']);
  });

  test('that ends in the middle of a line fails', async () => {
    const { client } = await useClient((_, response) => response.end('{"a":1}\n{"b":'), http2);
    await expect(stream(client).then(collect)).rejects.toMatchObject({ kind: 'Transient', reason: 'ERR_BROKEN_LINE' });
  });

  test('with a line above 4 MiB fails, and one of 3 MiB passes', async () => {
    const { client } = await useClient((_, response) => {
      response.write(`${'x'.repeat(3 << 20)}\n`);
      response.end('x'.repeat(5 << 20));
    }, http2);
    const lines = await stream(client);
    const iterator = lines[Symbol.asyncIterator]();
    expect((await iterator.next()).value).toHaveLength(3 << 20);
    await expect(iterator.next()).rejects.toMatchObject({ reason: 'ERR_BROKEN_LINE' });
  });

  test('that is not UTF-8 fails', async () => {
    const { client } = await useClient((_, response) => response.end(Buffer.from([0xff, 0xfe, 0x0a])), http2);
    await expect(stream(client).then(collect)).rejects.toMatchObject({ reason: 'ERR_BROKEN_LINE' });
  });

  test('that is reset in its middle fails as Transient', async () => {
    const { server, client } = await useClient((_, response) => response.write('{"a":1}\n'), http2);
    const iterator = (await stream(client))[Symbol.asyncIterator]();
    await iterator.next();
    for (const socket of server.sockets) socket.destroy();
    await expect(iterator.next()).rejects.toMatchObject({ kind: 'Transient' });
  });

  test('that falls silent fails as Timeout', async () => {
    const { client } = await useClient((_, response) => response.write('{"a":1}\n'), http2);
    const iterator = (await stream(client, { idleTimeoutMs: 1_000 }))[Symbol.asyncIterator]();
    await iterator.next();
    await expect(iterator.next()).rejects.toMatchObject({ kind: 'Timeout' });
  });

  test('that never begins fails at its deadline as Timeout', async () => {
    const { client } = await useClient(() => undefined, http2);
    await expect(stream(client, { deadlineMs: 100 })).rejects.toMatchObject({ kind: 'Timeout' });
  });

  test('that is refused throws the classified Status', async () => {
    const { client } = await useClient((_, response) => answer(response, 410, { reason: 'Expired' }), http2);
    await expect(stream(client)).rejects.toMatchObject({ kind: 'Gone', status: 410 });
  });

  test('that is aborted ends as Aborted; leaving the loop closes it at the server', async () => {
    const closed = { count: 0 };
    const { client } = await useClient((_, response) => {
      response.on('close', () => closed.count++);
      response.write('{"a":1}\n');
    }, http2);
    const stop = new AbortController();
    const iterator = (await stream(client, { signal: stop.signal }))[Symbol.asyncIterator]();
    await iterator.next();
    stop.abort('SIGTERM');
    await expect(iterator.next()).rejects.toMatchObject({ kind: 'Aborted' });
    for await (const line of await stream(client)) {
      expect(line).toBe('{"a":1}');
      break;
    }
    await expect.poll(() => closed.count).toBe(2);
  });
});

test('resourcePath encodes every part', () => {
  expect(resourcePath({ version: 'v1', plural: 'pods' })).toBe('/api/v1/pods');
  expect(
    resourcePath({ group: 'apps', version: 'v1', plural: 'x' }, { namespace: 'a', name: 'b', subresource: 'status' }),
  ).toBe('/apis/apps/v1/namespaces/a/x/b/status');
  expect(resourcePath({ version: 'v1', plural: 'pods' }, { namespace: 'a', name: 'b/../c?d' })).toBe(
    '/api/v1/namespaces/a/pods/b%2F..%2Fc%3Fd',
  );
  expect(() => resourcePath({ version: 'v1', plural: 'pods' }, { namespace: 'a', name: '..' })).toThrow(TypeError);
});
