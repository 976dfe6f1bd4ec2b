import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { rmSync, writeFileSync } from 'node:fs';
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { contentHash } from '../../src/core/content-hash.ts';
import { HttpEndpoint, OpenEndpointError, type HttpEndpointOptions } from '../../src/manager/http-endpoint.ts';
import { createManagerMetrics } from '../../src/manager/manager-metrics.ts';
import type { ReloadManagerOptions } from '../../src/manager/manager-options.ts';
import { badInputs } from '../fixtures/bad-inputs.ts';
import { afterTest, gate, goodText, invalidText, newWorkspace, startManager, until } from './workspace.ts';

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly body: any;
}

interface Call {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  /** Objects are sent as JSON with its content type. */
  readonly body?: unknown;
}

async function startEndpoint(
  options: Partial<ReloadManagerOptions & HttpEndpointOptions> & { text?: string | null } = {},
) {
  const metrics = createManagerMetrics();
  const { manager, workspace } = await startManager({ hashTimeoutMs: 100, onEvent: metrics.countEvent, ...options });
  const { tokenFile, tls, listen, allowNoAuth, headersTimeoutMs, requestTimeoutMs, maxConnections } = options;
  const endpoint = new HttpEndpoint({
    manager,
    listen: listen ?? { host: '127.0.0.1', port: 0 },
    registry: metrics.registry,
    logger: pino({ level: 'silent' }),
    ...(tokenFile ? { tokenFile } : {}),
    ...(tls ? { tls } : {}),
    ...(allowNoAuth ? { allowNoAuth } : {}),
    ...(headersTimeoutMs ? { headersTimeoutMs } : {}),
    ...(requestTimeoutMs ? { requestTimeoutMs } : {}),
    ...(maxConnections ? { maxConnections } : {}),
  });
  const { port } = await endpoint.start();
  afterTest(() => endpoint.stop());
  const call = (path: string, { method = 'GET', headers = {}, body }: Call = {}) =>
    new Promise<Answer>((resolve, reject) => {
      const isJson = typeof body === 'object' && !Buffer.isBuffer(body);
      const send = tls ? httpsRequest : httpRequest;
      const outgoing = send(
        {
          host: '127.0.0.1',
          port,
          path,
          method,
          headers: { ...(isJson ? { 'content-type': 'application/json' } : {}), ...headers },
          rejectUnauthorized: false,
          agent: false,
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('end', () => {
            const text = Buffer.concat(chunks).toString();
            const isJsonAnswer = /json/.test(response.headers['content-type'] ?? '');
            resolve({
              status: response.statusCode!,
              headers: response.headers,
              text,
              body: isJsonAnswer && text ? JSON.parse(text) : null,
            });
          });
        },
      );
      outgoing.on('error', reject);
      outgoing.end(isJson ? JSON.stringify(body) : (body as string | Buffer | undefined));
    });
  const post = (path: string, body?: unknown, headers: Record<string, string> = {}) =>
    call(path, { method: 'POST', headers, body });
  return { manager, workspace, endpoint, port, call, post };
}

/** Sends these bytes, and gives back all that comes until the connection ends. */
function exchange(port: number, sent: string): Promise<string> {
  let answer = '';
  const socket = connect(port, '127.0.0.1', () => socket.write(sent));
  afterTest(() => socket.destroy());
  socket.on('data', (chunk) => (answer += chunk.toString()));
  socket.on('error', () => undefined);
  return new Promise((resolve) => socket.on('close', () => resolve(answer)));
}

const json = { 'content-type': 'application/json' };

describe('answers', () => {
  it('200: re-reads the file, takes a pushed text, tells what is unchanged, validates without changing', async () => {
    const { post, call, workspace, manager } = await startEndpoint();
    const hash = workspace.write(goodText(60));
    const reloaded = await post('/v1/reload');
    expect(reloaded).toMatchObject({ status: 200, body: { result: 'success', reason: 'Reloaded', hash } });
    expect(reloaded.body.event).toMatchObject({ trigger: 'endpoint', newHash: hash, changes: [{ from: 50, to: 60 }] });
    expect(reloaded.body.event).not.toHaveProperty('newConfig');
    expect((await post('/v1/reload', { hash })).body).toMatchObject({ result: 'success', unchanged: true });
    const config = goodText(70);
    const tried = await post('/v1/validate', { config });
    expect(tried).toMatchObject({
      status: 200,
      body: { result: 'success', reason: 'DryRun', hash: contentHash(config) },
    });
    expect(manager.getStats().totalReloads).toBe(2);
    expect((await post('/v1/reload', { config, hash: contentHash(config), trigger: 'configmap' })).status).toBe(200);
    expect((await call('/v1/config')).body).toMatchObject({
      hash: contentHash(config),
      origin: 'push',
      config: { performance: { batch_size: 70 } },
    });
    expect((await call('/v1/stats')).body).toMatchObject({ totalReloads: 3, successfulReloads: 3 });
    expect((await call('/v1/history?limit=2')).body.events).toHaveLength(2);
    expect((await call('/v1/history', { method: 'DELETE' })).body).toEqual({ cleared: 3 });
    expect((await call('/v1/history')).body).toEqual({ events: [] });
  });

  it('problems carry result and reason, with the status of the contract', async () => {
    const { post, call, workspace, manager } = await startEndpoint();
    const config = goodText(60);
    const table: [number, string, string, () => Promise<Answer>][] = [
      [400, 'MalformedRequest', 'no JSON', () => post('/v1/reload', '{', json)],
      [400, 'MalformedRequest', 'an array', () => post('/v1/reload', '[]', json)],
      [400, 'MalformedRequest', 'null', () => post('/v1/reload', 'null', json)],
      [400, 'MalformedRequest', 'an unknown member', () => post('/v1/reload', { hsah: 'x' })],
      [400, 'MalformedRequest', 'a member of Object', () => post('/v1/reload', '{"__proto__": {}}', json)],
      [400, 'MalformedRequest', 'a wrong type', () => post('/v1/reload', { force: 'yes' })],
      [400, 'MalformedRequest', 'no hash', () => post('/v1/reload', { hash: 'sha256:12' })],
      [400, 'MalformedRequest', 'an unknown trigger', () => post('/v1/reload', { trigger: 'cron' })],
      [400, 'MalformedRequest', 'half a surrogate pair', () => post('/v1/reload', '{"config":"\\ud800"}', json)],
      [400, 'MalformedRequest', 'no UTF-8', () => post('/v1/reload', Buffer.from([0x22, 0xff, 0x22]), json)],
      [400, 'HashMismatch', 'a text of another hash', () => post('/v1/reload', { config, hash: contentHash('x') })],
      [400, 'MalformedRequest', 'a limit of 0', () => call('/v1/history?limit=0')],
      [400, 'MalformedRequest', 'a limit of 101', () => call('/v1/history?limit=101')],
      [400, 'MalformedRequest', 'a limit of abc', () => call('/v1/history?limit=abc')],
      [403, 'HostNotAllowed', 'DNS rebinding', () => call('/v1/config', { headers: { host: 'evil.example:80' } })],
      [
        403,
        'OriginNotAllowed',
        'another origin',
        () => post('/v1/reload', undefined, { origin: 'http://evil.example' }),
      ],
      [403, 'OriginNotAllowed', 'a sandboxed page', () => post('/v1/reload', undefined, { origin: 'null' })],
      [
        403,
        'OriginNotAllowed',
        'another site',
        () => post('/v1/reload', undefined, { 'sec-fetch-site': 'cross-site' }),
      ],
      [404, 'RouteNotFound', 'no such path', () => call('/v2/reload')],
      [404, 'RouteNotFound', 'a name of Object', () => call('/constructor')],
      [405, 'MethodNotAllowed', 'GET for a reload', () => call('/v1/reload')],
      [405, 'MethodNotAllowed', 'POST for the config', () => post('/v1/config')],
      [405, 'MethodNotAllowed', 'OPTIONS', () => call('/v1/reload', { method: 'OPTIONS' })],
      [
        408,
        'PropagationTimeout',
        'a hash the file never reaches',
        () => post('/v1/reload', { hash: contentHash('never') }),
      ],
      [413, 'BodyTooLarge', 'a body of 1 MiB', () => post('/v1/reload', `"${'x'.repeat(1 << 20)}"`, json)],
      [413, 'ConfigTooLarge', 'a text of 64 KiB and a byte', () => post('/v1/reload', { config: 'x'.repeat(65_537) })],
      [
        415,
        'UnsupportedMediaType',
        'a form',
        () => post('/v1/reload', 'a=b', { 'content-type': 'application/x-www-form-urlencoded' }),
      ],
      [415, 'UnsupportedMediaType', 'no type', () => post('/v1/reload', '{}')],
      [415, 'UnsupportedMediaType', 'gzip', () => post('/v1/reload', '{}', { ...json, 'content-encoding': 'gzip' })],
      [422, 'ValidationFailed', 'an invalid text', () => post('/v1/reload', { config: invalidText })],
      [422, 'ValidationFailed', 'an invalid text, tried', () => post('/v1/validate', { config: invalidText })],
    ];
    const before = manager.getRunning();
    for (const [status, reason, name, send] of table) {
      const answer = await send();
      expect([name, answer.status, answer.body?.reason]).toEqual([name, status, reason]);
      expect(answer.headers['content-type']).toBe('application/problem+json');
      expect(answer.body.result, name).toMatch(/^(io_error|validation_failed|file_not_found|already_in_progress)$/);
      expect(answer.body.status).toBe(status);
      if (status === 405) expect(answer.headers.allow).toBeTruthy();
      if (status === 422)
        expect(answer.body.violations[0]).toMatchObject({ line: expect.any(Number), rule: expect.any(String) });
    }
    rmSync(workspace.path);
    expect(await post('/v1/reload')).toMatchObject({
      status: 404,
      body: { result: 'file_not_found', reason: 'FileMissing' },
    });
    expect(manager.getRunning()).toBe(before);
  });

  it('409 while a reload runs, 500 where the validator fails, 404 where nothing is loaded', async () => {
    const hold = gate();
    const { post, workspace, manager } = await startEndpoint();
    manager.subscribe(async () => {
      await hold.opened;
    });
    workspace.write(goodText(60));
    const first = post('/v1/reload');
    await until('the reload', () => manager.isReloadInProgress());
    expect(await post('/v1/reload')).toMatchObject({ status: 409, body: { result: 'already_in_progress' } });
    hold.open();
    expect((await first).status).toBe(200);
    const broken = await startEndpoint({ validate: () => Promise.reject(new Error('no thread')) });
    expect(await broken.post('/v1/reload')).toMatchObject({
      status: 500,
      body: { result: 'io_error', reason: 'ValidatorFailed' },
    });
    expect(await broken.call('/v1/config')).toMatchObject({ status: 404, body: { reason: 'NotLoaded' } });
    expect(await broken.call('/readyz')).toMatchObject({ status: 503 });
    expect(await broken.call('/healthz')).toMatchObject({ status: 200 });
  });

  it('HEAD answers as GET without a body, and /metrics counts every result', async () => {
    const { call, post } = await startEndpoint();
    expect(await call('/healthz', { method: 'HEAD' })).toMatchObject({ status: 200, text: '' });
    await post('/v1/reload');
    await post('/v1/reload', { config: invalidText });
    const { text, headers } = await call('/metrics');
    expect(headers['content-type']).toMatch(/^text\/plain/);
    expect(text).toContain('leindex_config_reloads_total{result="success"} 1');
    expect(text).toContain('leindex_config_reloads_total{result="validation_failed"} 1');
    expect(text).toContain('leindex_config_last_reload_successful 0');
    expect(text).toContain(`leindex_config_hash_info{hash="${contentHash(goodText(50))}"} 1`);
    expect(text).toMatch(/leindex_config_last_reload_success_timestamp_seconds 1\d{9}/);
  });
});

describe('the list of bad inputs', () => {
  it('is answered as the library answers it, and never by a 500', async () => {
    const { post, manager } = await startEndpoint();
    let sent = 0;
    for (const { id, name, content, expect: expected } of badInputs) {
      let text: string;
      try {
        text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content);
      } catch {
        continue; // no JSON string can hold it
      }
      const before = manager.getRunning();
      const { status, body } = await post('/v1/reload', { config: text, force: true });
      sent++;
      expect([id, name, status]).toEqual([id, name, expected.valid ? 200 : content.length > 65_536 ? 413 : 422]);
      if (!expected.valid) expect(manager.getRunning()).toBe(before);
      if (!expected.valid && expected.rule && status === 422) {
        expect(body.violations.map(({ rule }: { rule: string }) => rule)).toContain(expected.rule);
      }
    }
    expect(sent).toBeGreaterThanOrEqual(130);
  }, 120_000);
});

describe('who may ask', () => {
  it('refuses to listen openly without a token, unless told that this is meant', async () => {
    const { manager } = await startManager();
    const options = { manager, logger: pino({ level: 'silent' }) };
    for (const host of ['0.0.0.0', '::', '192.0.2.1', 'example.org']) {
      expect(() => new HttpEndpoint({ ...options, listen: { host, port: 0 } })).toThrow(OpenEndpointError);
    }
    expect(
      () => new HttpEndpoint({ ...options, listen: { host: '0.0.0.0', port: 0 }, allowNoAuth: true }),
    ).not.toThrow();
    for (const host of ['127.0.0.1', '127.9.9.9', '::1', 'localhost']) {
      expect(() => new HttpEndpoint({ ...options, listen: { host, port: 0 } })).not.toThrow();
    }
  });

  it('asks for the token on every path but the probes, and follows its file', async () => {
    const tokenFile = newWorkspace(null).in('token');
    writeFileSync(tokenFile, 'first-token-0123456789\n');
    const { call } = await startEndpoint({ tokenFile });
    const as = async (authorization?: string) =>
      (await call('/v1/config', { headers: authorization ? { authorization } : {} })).status;
    expect(await as('Bearer first-token-0123456789')).toBe(200);
    expect(await as('bearer first-token-0123456789')).toBe(200);
    const wrong = [
      '',
      'Bearer',
      'Bearer ',
      'Bearer first-token-012345678',
      'Bearer first-token-0123456789x',
      'Basic first-token-0123456789',
      `Bearer ${'x'.repeat(5000)}`,
    ];
    for (const header of [undefined, ...wrong]) expect(await as(header), header).toBe(401);
    expect((await call('/v1/config')).headers['www-authenticate']).toMatch(/^Bearer/);
    for (const path of ['/healthz', '/readyz']) expect((await call(path)).status).toBe(200);
    for (const path of ['/metrics', '/v1/stats', '/v1/history', '/nowhere'])
      expect((await call(path)).status).toBe(401);
    writeFileSync(tokenFile, 'second-token-0123456789');
    expect(await as('Bearer first-token-0123456789')).toBe(401);
    expect(await as('Bearer second-token-0123456789')).toBe(200);
    rmSync(tokenFile);
    expect(await as('Bearer second-token-0123456789')).toBe(401);
    writeFileSync(tokenFile, '');
    expect(await as('Bearer ')).toBe(401);
  });

  it('does not start where the token file holds no token', async () => {
    const tokenFile = newWorkspace(null).in('token');
    for (const content of ['', ' \n', 'two words', 'x'.repeat(5000)]) {
      writeFileSync(tokenFile, content);
      await expect(startEndpoint({ tokenFile })).rejects.toThrow(/holds no token/);
    }
  });
});

async function issue(name: string) {
  const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    keys,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
  });
  const key = x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
  return { cert: cert.toString('pem'), key };
}

describe('TLS', () => {
  it('follows rotated files, and keeps the old pair while the new one does not fit', async () => {
    const folder = newWorkspace(null);
    const [certFile, keyFile] = [folder.in('tls.crt'), folder.in('tls.key')];
    const put = (pair: { cert: string; key: string }) => {
      writeFileSync(certFile, pair.cert);
      writeFileSync(keyFile, pair.key);
    };
    const [first, second] = [await issue('first'), await issue('second')];
    put(first);
    const { port, call } = await startEndpoint({ tls: { certFile, keyFile, pollMs: 10 } });
    const { connect: connectTls } = await import('node:tls');
    const served = () =>
      new Promise<string>((resolve, reject) => {
        const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
          resolve(String(socket.getPeerCertificate().subject.CN));
          socket.destroy();
        });
        socket.on('error', reject);
      });
    expect(await served()).toBe('first');
    expect((await call('/healthz')).status).toBe(200);
    writeFileSync(certFile, second.cert); // half of the rotation
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(await served()).toBe('first');
    put(second);
    await until('the new certificate', async () => (await served()) === 'second');
  });
});

describe('what Node would answer by itself', () => {
  it('is a problem document with the head of every other answer', async () => {
    const tokenFile = newWorkspace(null).in('token');
    writeFileSync(tokenFile, 'token-0123456789abcdef');
    const { port } = await startEndpoint({ tokenFile, headersTimeoutMs: 200, requestTimeoutMs: 300 });
    const head = 'GET /v1/config HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n';
    const chunked = 'POST /v1/reload HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n';
    const authorization = 'Authorization: Bearer token-0123456789abcdef\r\n';
    const table: [number, string, string, string][] = [
      [400, 'MalformedRequest', 'no Host', 'GET /healthz HTTP/1.1\r\n\r\n'],
      [400, 'MalformedRequest', 'no Host, a sandboxed page', 'GET /healthz HTTP/1.1\r\nOrigin: null\r\n\r\n'],
      [400, 'MalformedRequest', 'no HTTP', 'nonsense\r\n\r\n'],
      [400, 'MalformedRequest', 'two lengths', `${head}Content-Length: 1\r\nContent-Length: 2\r\n\r\n`],
      [408, 'RequestTimeout', 'a head that never ends', head],
      [413, 'BodyTooLarge', 'long extensions', `${chunked}${authorization}\r\n1;${'x'.repeat(20_000)}\r\n`],
      [417, 'ExpectationFailed', 'an expectation', `${head}Expect: foo\r\n\r\n`],
      [417, 'ExpectationFailed', 'one expectation of two', `${head}Expect: foo, 100-continue\r\n\r\n`],
      [431, 'HeadersTooLarge', 'a long head', `${head}X: ${'x'.repeat(20_000)}\r\n\r\n`],
    ];
    for (const [status, reason, name, sent] of table) {
      const answer = await exchange(port, sent);
      const [top = '', body = ''] = answer.split('\r\n\r\n');
      expect(top, name).toMatch(new RegExp(`^HTTP/1\\.1 ${status} \\S`));
      expect(top, name).toContain('\r\nContent-Type: application/problem+json\r\n');
      expect(top, name).toContain(`\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`);
      expect(top, name).toContain('\r\nCache-Control: no-store\r\n');
      expect(top, name).toContain('\r\nX-Content-Type-Options: nosniff\r\n');
      const members = { type: 'about:blank', status, result: 'io_error', reason };
      expect(JSON.parse(body), name).toMatchObject({
        ...members,
        title: expect.any(String),
        detail: expect.any(String),
      });
    }
  });

  it('asks HTTP/1.0 for no Host, and meets the expectation 100-continue', async () => {
    const { port } = await startEndpoint();
    expect(await exchange(port, 'GET /healthz HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 /);
    const head =
      'POST /v1/reload HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: application/json\r\n';
    expect(await exchange(port, `${head}Content-Length: 2\r\nExpect: 100-Continue\r\n\r\n{}`)).toMatch(
      /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 /,
    );
  });
});

describe('slow and broken clients', () => {
  it('cuts a head that never ends and a body that never comes, while others are served', async () => {
    const { port, call } = await startEndpoint({ headersTimeoutMs: 100, requestTimeoutMs: 200 });
    const open = (text: string) => exchange(port, text);
    const heads = Array.from({ length: 20 }, () => open('GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: '));
    const body = open(
      'POST /v1/reload HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{',
    );
    expect((await call('/healthz')).status).toBe(200);
    for (const answer of await Promise.all(heads)) expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    expect(await body).toMatch(/408|400/);
    expect(await open('nonsense\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
    expect(await open(`GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 431 /,
    );
  });

  it.each([
    ['send nothing', '', false],
    ['never end a head', 'GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ', false],
    ['never end a head, read its refusal and do not end themselves', 'GET /healthz HTTP/1.1\r\nX-Slow: ', true],
    ['speak no HTTP', 'nonsense\r\n\r\n', false],
    ['speak no HTTP, read that and do not end themselves', 'nonsense\r\n\r\n', true],
  ])('closes connections that %s: they keep nobody out', async (_name, text, isReading) => {
    const { port, call } = await startEndpoint({ headersTimeoutMs: 100, maxConnections: 4 });
    const sockets = Array.from({ length: 4 }, () => {
      const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }).on('error', () => undefined);
      socket.write(text);
      return isReading ? socket.resume() : socket.pause();
    });
    afterTest(() => sockets.forEach((socket) => socket.destroy()));
    await until('the connections', () => sockets.every(({ pending }) => !pending));
    await until('room', async () => (await call('/healthz').catch(() => ({ status: 0 }))).status === 200);
  });

  it.each([100, 900])('closes connections that ask %i times, and never read an answer', async (times) => {
    const { port, call, manager, workspace } = await startEndpoint({
      requestTimeoutMs: 200,
      headersTimeoutMs: 200,
      maxConnections: 2,
    });
    workspace.write(invalidText);
    for (let i = 0; i < 100; i++) await manager.reloadConfig();
    const asking = 'GET /v1/history HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'.repeat(times);
    const sockets = Array.from({ length: 2 }, () => {
      const socket = connect({ port, host: '127.0.0.1' })
        .on('error', () => undefined)
        .pause();
      socket.write(asking);
      return socket;
    });
    afterTest(() => sockets.forEach((socket) => socket.destroy()));
    await until('the connections', () => sockets.every(({ pending }) => !pending));
    await until('room', async () => (await call('/healthz').catch(() => ({ status: 0 }))).status === 200);
  });

  it('holds no more connections than it is told to', async () => {
    const { port, call } = await startEndpoint({ maxConnections: 3 });
    const sockets = Array.from({ length: 10 }, () => connect(port, '127.0.0.1').on('error', () => undefined));
    afterTest(() => sockets.forEach((socket) => socket.destroy()));
    await until(
      'the surplus to be dropped',
      () => sockets.filter((socket) => socket.destroyed || socket.readableEnded).length >= 7,
    );
    sockets.forEach((socket) => socket.destroy());
    await until('room', async () => (await call('/healthz').catch(() => ({ status: 0 }))).status === 200);
  });

  it('ends waiting for a hash when the client goes away', async () => {
    const { port, manager } = await startEndpoint({ hashTimeoutMs: 60_000 });
    const body = JSON.stringify({ hash: contentHash('never') });
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(
        `POST /v1/reload HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      );
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
    socket.destroy();
    await until('the wait to end', () => manager.getEventHistory()[0]?.reason === 'Aborted');
  });
});

describe('stopping', () => {
  it('answers the reload in flight, refuses the next with 503, is not ready, and closes', async () => {
    const hold = gate();
    const { post, call, manager, workspace, endpoint } = await startEndpoint();
    manager.subscribe(async () => {
      await hold.opened;
    });
    workspace.write(goodText(60));
    const first = post('/v1/reload');
    await until('the reload', () => manager.isReloadInProgress());
    const stopped = Promise.all([endpoint.stop(), manager.stop()]);
    expect(await post('/v1/reload')).toMatchObject({ status: 503, body: { reason: 'Stopping' } });
    expect(await call('/readyz')).toMatchObject({ status: 503 });
    hold.open();
    expect(await first).toMatchObject({ status: 200, headers: { connection: 'close' } });
    await stopped;
    await expect(call('/healthz')).rejects.toThrow(/ECONNREFUSED/);
  });
});
