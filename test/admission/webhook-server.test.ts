import { request } from 'node:https';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { BodyLimits } from '../../src/admission/body-reader.ts';
import { startWebhook, type CertificatePair, type WebhookServer } from '../../src/admission/webhook-server.ts';
import { CertificateAuthority } from '../cluster/certificates.ts';

let pair: CertificatePair;
beforeAll(async () => {
  const authority = await CertificateAuthority.create();
  const { certificate, key } = await authority.issue({ commonName: 'webhook', hosts: ['127.0.0.1'] });
  pair = { cert: certificate, key };
});

const open: WebhookServer[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

/** A webhook whose reviews end when they are told to. */
async function useWebhook(bodies: Partial<BodyLimits> = {}, timeLimitMs?: number) {
  const reviews: { readonly body: Uint8Array; end(): void; fail(): void }[] = [];
  const review = (body: Uint8Array) =>
    new Promise<object>((resolve, reject) => {
      reviews.push({ body, end: () => resolve({ bytes: body.length }), fail: () => reject(new Error('no thread')) });
    });
  const server = await startWebhook({
    host: '127.0.0.1',
    port: 0,
    pair,
    review,
    bodies,
    ...(timeLimitMs && { timeLimitMs }),
  });
  open.push(server);
  const post = (body: Buffer, { isDeclared = true, isWhole = true } = {}) =>
    new Promise<number>((resolve, reject) => {
      const headers = { 'content-type': 'application/json', ...(isDeclared && { 'content-length': body.length }) };
      const options = {
        port: server.port,
        host: '127.0.0.1',
        path: '/validate',
        method: 'POST',
        agent: false,
        headers,
      };
      const outgoing = request({ ...options, rejectUnauthorized: false }, (response) => {
        response.resume().on('error', () => undefined);
        resolve(response.statusCode ?? 0);
      }).on('error', reject);
      outgoing.write(body);
      if (isWhole) outgoing.end();
    });
  const until = (count: number) => expect.poll(() => reviews.length, { timeout: 5000 }).toBe(count);
  return { server, post, reviews, until };
}

const SMALL = Buffer.alloc(1000);
const LARGE = Buffer.alloc(100_000);

describe('the webhook takes so many bytes at a time', () => {
  test('a body over the limit is refused, with its length said before or not', async () => {
    const { post, reviews } = await useWebhook({ mostBytes: LARGE.length - 1 });
    expect(await post(LARGE)).toBe(413);
    expect(await post(LARGE, { isDeclared: false })).toBe(413);
    expect(await post(LARGE, { isDeclared: false, isWhole: false })).toBe(413);
    expect(reviews).toEqual([]);
  });

  test('the limit is what two ConfigMaps of 1 MiB take', async () => {
    const { post, reviews, until } = await useWebhook();
    const most = post(Buffer.alloc(4 * 1024 * 1024));
    await until(1);
    reviews[0]!.end();
    expect(await most).toBe(200);
    // More is not even read: the client may see the connection end while it still sends.
    expect(await post(Buffer.alloc(4 * 1024 * 1024 + 1)).catch(() => 413)).toBe(413);
    expect(reviews).toHaveLength(1);
  });

  test('large ones wait for room, and are refused where there is none in time', async () => {
    const { post, until, reviews } = await useWebhook({ largeBodies: 2, waitMs: 100 });
    const first = [post(LARGE), post(LARGE)];
    await until(2);
    expect(await post(LARGE)).toBe(503);
    expect(reviews).toHaveLength(2);
    for (const one of reviews) one.end();
    expect(await Promise.all(first)).toEqual([200, 200]);
  });

  test('large ones go on as soon as there is room, in order, also after a failure', async () => {
    const { post, until, reviews } = await useWebhook({ largeBodies: 1, waitMs: 60_000 });
    const first = post(LARGE);
    await until(1);
    const others = [post(LARGE), post(LARGE)];
    reviews[0]!.fail();
    expect(await first).toBe(503);
    await until(2);
    reviews[1]!.end();
    await until(3);
    reviews[2]!.end();
    expect(await Promise.all(others)).toEqual([200, 200]);
  });

  test('small ones are not kept waiting by large ones', async () => {
    const { post, until, reviews } = await useWebhook({ largeBodies: 1, waitMs: 60_000 });
    const stuck = post(LARGE);
    await until(1);
    const small = post(SMALL);
    await until(2);
    reviews[1]!.end();
    expect(await small).toBe(200);
    reviews[0]!.end();
    expect(await stuck).toBe(200);
  });
});

describe('the webhook waits for nobody', () => {
  const opening = 'POST /validate HTTP/1.1\r\nHost: 127.0.0.1\r\n';
  test.each([
    ['who never begins a handshake', '', false],
    ['who never ends a head', opening, true],
    ['who never sends the body', `${opening}Content-Type: application/json\r\nContent-Length: 9000\r\n\r\n{`, true],
  ])('%s, and never ends the connection', async (_name, text, isTls) => {
    const { server } = await useWebhook({}, 100);
    const target = { port: server.port, host: '127.0.0.1', allowHalfOpen: true, rejectUnauthorized: false };
    const socket = isTls ? connectTls(target) : connect(target);
    socket.on('error', () => undefined).resume();
    if (text) socket.write(text);
    // Now and then a byte: not silent, but slow.
    const drip = setInterval(() => text && socket.write('x'), 20);
    await expect.poll(() => socket.readableEnded || socket.destroyed, { timeout: 5000 }).toBe(true);
    clearInterval(drip);
    // What is written now is refused by the system, where the server's side is closed and not only ended.
    const isCut = () => !socket.write('x') || socket.destroyed;
    await expect.poll(isCut, { timeout: 5000 }).toBe(true);
    socket.destroy();
  });
});
