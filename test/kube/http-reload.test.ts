import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { contentHash } from '../../src/core/content-hash.ts';
import { createEndpoints } from '../../src/kube/http-reload.ts';
import { CertificateAuthority } from '../cluster/certificates.ts';

const TOKEN = 'a-token-that-must-not-leak';
const content = Buffer.from('version: "2.0"\n');
const hash = contentHash(content);
const never = new AbortController().signal;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Over all connections. */
interface Traffic {
  sentBytes: number;
  connections: number;
}

/** Listens on loopback and counts every byte on the wire. */
async function listen(server: Server): Promise<{ port: number; traffic: Traffic }> {
  const traffic: Traffic = { sentBytes: 0, connections: 0 };
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    traffic.connections += 1;
    sockets.add(socket);
    socket
      .on('error', () => undefined)
      .on('close', () => {
        traffic.sentBytes += socket.bytesWritten;
        sockets.delete(socket);
      });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, traffic };
}

/** The servers of these tests listen on loopback. */
const addresses = { allowed: ['127.0.0.0/8'], isHostNetworkAllowed: false };

interface Attempt {
  readonly port: number;
  readonly scheme?: 'http' | 'https';
  readonly deadlineMs?: number;
  readonly ca?: string;
}

async function attempt({ port, scheme = 'http', deadlineMs = 5_000, ca }: Attempt) {
  const endpoints = createEndpoints({ addresses, ca });
  cleanups.push(() => endpoints.close());
  const channel = { kind: 'endpoint', host: '127.0.0.1', port, scheme, path: '/v1/reload' } as const;
  return endpoints.attempt(
    { channel: channel, hash, content, trigger: 'configmap', isForced: false, token: TOKEN, deadlineMs },
    never,
  );
}

type Play = (request: IncomingMessage, response: ServerResponse) => unknown;
async function play(play: Play) {
  return listen(
    createServer((request, response) => {
      response.on('error', () => undefined);
      request.resume().on('end', () => play(request, response));
    }),
  );
}

/** Writes `piece` for ever, as fast as it is taken. */
function pour(response: ServerResponse, piece: Buffer): void {
  const write = (): void => {
    if (!response.destroyed) response.write(piece, () => setImmediate(write));
  };
  write();
}

describe('F23: one that does not answer costs its deadline and no more', () => {
  const silences: Record<string, () => Promise<{ port: number }>> = {
    'takes the connection and says nothing': () => listen(createTcpServer(() => undefined)),
    'sends half a head': () => listen(createTcpServer((socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-le'))),
    'drips its head': () =>
      listen(
        createTcpServer((socket) => {
          socket.write('HTTP/1.1 200 OK\r\n');
          const timer = setInterval(() => socket.write('x'), 50);
          socket.on('close', () => clearInterval(timer));
        }),
      ),
    'sends a head and no body': () =>
      play((_, response) => response.writeHead(200, { 'content-length': '10' }).flushHeaders()),
    'drips its body': () =>
      play((_, response) => {
        response.writeHead(200);
        const timer = setInterval(() => response.write(' '), 50);
        response.on('close', () => clearInterval(timer));
      }),
  };
  test.each(Object.entries(silences))('%s', async (_, start) => {
    const { port } = await start();
    // An idle time-out would never come for those that drip: that this ends at all shows the total one.
    expect(await attempt({ port, deadlineMs: 400 })).toMatchObject({ reason: 'EndpointTimeout', hash: null });
  });

  test('an address where nothing takes the connection', async () => {
    // TEST-NET-1, routed nowhere: refused, unreachable or swallowed, by the machine's taste.
    const endpoints = createEndpoints({ addresses });
    cleanups.push(() => endpoints.close());
    const channel = { kind: 'endpoint', host: '192.0.2.1', port: 9, scheme: 'http', path: '/v1/reload' } as const;
    const request = { channel: channel as never, hash, content, trigger: 'configmap', isForced: false, token: undefined, deadlineMs: 400 } as const; // prettier-ignore
    expect((await endpoints.attempt(request, never)).reason).toMatch(/^Endpoint(Timeout|Unreachable)$/);
  });
});

test('an address where no pod is gets nothing, whoever asks', async () => {
  const { port, traffic } = await play((_, response) => response.end('{}'));
  const endpoints = createEndpoints({ addresses: { allowed: [], isHostNetworkAllowed: false } });
  cleanups.push(() => endpoints.close());
  const channel = { kind: 'endpoint', host: '127.0.0.1', port, scheme: 'http', path: '/v1/reload' } as const;
  const request = {
    channel,
    hash,
    content,
    trigger: 'configmap',
    isForced: false,
    token: TOKEN,
    deadlineMs: 400,
  } as const;
  expect((await endpoints.attempt(request, never)).reason).toBe('EndpointAddressRefused');
  expect(traffic.connections).toBe(0);
});

describe('F24: a redirect is never followed', () => {
  test.each([301, 302, 303, 307, 308])('%i', async (status) => {
    const canary = await play((_, response) => response.end('{}'));
    const { port } = await play((_, response) =>
      response.writeHead(status, { location: `http://127.0.0.1:${canary.port}/v1/reload` }).end(),
    );
    expect(await attempt({ port })).toMatchObject({ reason: 'EndpointRedirected', hash: null });
    expect(canary.traffic).toEqual({ sentBytes: 0, connections: 0 });
  });
});

describe('F25: an answer without end is left after 64 KiB', () => {
  test.each<[string, Play]>([
    [
      '10 GB',
      (_, response) =>
        pour(response.writeHead(200, { 'content-length': String(10 * 2 ** 30) }), Buffer.alloc(65_536, 'x')),
    ],
    ['chunks without end', (_, response) => pour(response.writeHead(200), Buffer.alloc(65_536, 'x'))],
    ['a refusal without end', (_, response) => pour(response.writeHead(422), Buffer.alloc(65_536, 'x'))],
  ])('%s', async (_, answer) => {
    const { port, traffic } = await play(answer);
    const before = process.memoryUsage().rss;
    const result = await attempt({ port });
    expect(result.reason).toMatch(/^Endpoint(Unverified|Rejected)$/);
    expect(result.hash).toBeNull();
    expect(process.memoryUsage().rss - before).toBeLessThan(100 << 20);
    // What the server could push into buffers of both sides before the connection was cut.
    await expect.poll(() => traffic.sentBytes).toBeGreaterThan(0);
    expect(traffic.sentBytes).toBeLessThan(32 << 20);
  });

  test('a gzip bomb is not unpacked', async () => {
    const zeros = gzipSync(Buffer.alloc(512 << 20));
    const { port } = await play((_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(zeros));
    const before = process.memoryUsage().rss;
    expect(await attempt({ port })).toMatchObject({ reason: 'EndpointUnverified', hash: null });
    expect(process.memoryUsage().rss - before).toBeLessThan(100 << 20);
  });
});

describe('F26: a certificate that cannot be trusted gets no token', () => {
  const issue = async (subject: { hosts: string[]; isExpired?: boolean }) => {
    const authority = await CertificateAuthority.create();
    const { certificate, key } = await authority.issue({ commonName: 'endpoint', ...subject });
    return { ca: authority.pair.certificate, options: { cert: certificate, key } };
  };
  /** A TLS server; everything that was decrypted, so that a token would show. */
  const serveTls = async (options: object) => {
    const seen: string[] = [];
    const server = createTlsServer(options, (request, response) => {
      seen.push(JSON.stringify(request.headers));
      request.resume().on('end', () => response.end(JSON.stringify({ hash })));
    });
    server.on('secureConnection', (socket) =>
      socket.on('data', (chunk: Buffer) => seen.push(chunk.toString('latin1'))),
    );
    return { ...(await listen(server)), seen };
  };

  test('one that can gets it', async () => {
    const { ca, options } = await issue({ hosts: ['127.0.0.1'] });
    const { port, seen } = await serveTls(options);
    expect(await attempt({ port, scheme: 'https', ca })).toMatchObject({ reason: 'EndpointConfirmed' });
    expect(seen.join()).toContain(TOKEN);
  });

  test.each<[string, { hosts: string[]; isExpired?: boolean }, object]>([
    ['of another authority', { hosts: ['127.0.0.1'] }, {}],
    ['expired', { hosts: ['127.0.0.1'], isExpired: true }, { isTrusted: true }],
    ['for another address', { hosts: ['127.0.0.2'] }, { isTrusted: true }],
    ['for a name', { hosts: ['localhost'] }, { isTrusted: true }],
    [
      'by TLS 1.1',
      { hosts: ['127.0.0.1'] },
      { isTrusted: true, maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' },
    ],
  ])('%s', async (_, subject, { isTrusted = false, ...tls }: { isTrusted?: boolean }) => {
    const { ca, options } = await issue(subject);
    const other = await issue({ hosts: ['127.0.0.1'] });
    const { port, traffic, seen } = await serveTls({ ...options, ...tls });
    expect(await attempt({ port, scheme: 'https', ca: isTrusted ? ca : other.ca })).toMatchObject({
      reason: 'EndpointUnreachable',
      hash: null,
    });
    expect(traffic.connections).toBe(1);
    expect(seen).toEqual([]);
  });

  test('plain HTTP where TLS was promised: not a byte of the request is readable', async () => {
    let received = '';
    const { port } = await listen(
      createTcpServer((socket) =>
        socket.on('data', (chunk: Buffer) => {
          received += chunk.toString('latin1');
          socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}');
        }),
      ),
    );
    expect(await attempt({ port, scheme: 'https' })).toMatchObject({ reason: 'EndpointUnreachable', hash: null });
    expect(received).not.toBe('');
    expect(received).not.toMatch(new RegExp(`${TOKEN}|authorization|POST|version`, 'i'));
  });
});

describe('F27: 200 is no proof by itself', () => {
  test.each<[string, unknown, string | null]>([
    ['without a hash', { result: 'success' }, null],
    ['with another hash', { hash: contentHash('other') }, contentHash('other')],
    ['with something that is no hash', { hash: 'sha256:zz' }, null],
    ['with the hash in another case', { hash: hash.toUpperCase() }, null],
    ['with a list', [hash], null],
    ['with no JSON', hash, null],
    ['with nothing', '', null],
  ])('%s', async (_, body, claimed) => {
    const { port } = await play((_request, response) =>
      response.end(typeof body === 'string' ? body : JSON.stringify(body)),
    );
    expect(await attempt({ port })).toMatchObject({ reason: 'EndpointUnverified', hash: claimed });
  });
});
