import { connect } from 'node:net';
import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { startHealthServer } from '../../src/operator/health-server.ts';

const checks = { unhealthy: () => undefined, unready: () => 'not yet', refresh: () => undefined };

test('probes are answered while 64 connections that begin a request, and never end it or themselves, are cut', async () => {
  const registry = new Registry();
  const server = await startHealthServer({ host: '127.0.0.1', port: 0, timeLimitMs: 100 }, { ...checks, registry });
  const sockets = Array.from({ length: 64 }, () => {
    const socket = connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true });
    socket.on('error', () => undefined).write('GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ');
    return socket;
  });
  // Now and then a byte: not silent, but slow.
  const drip = setInterval(() => sockets.forEach((socket) => void socket.write('x')), 20);
  try {
    await expect.poll(() => sockets.every(({ pending }) => !pending)).toBe(true);
    const probe = (path: string) => fetch(`http://127.0.0.1:${server.port}${path}`).then(({ status }) => status);
    await expect.poll(() => probe('/healthz').catch(() => 0), { timeout: 5000 }).toBe(200);
    expect(await probe('/readyz')).toBe(503);
  } finally {
    clearInterval(drip);
    for (const socket of sockets) socket.destroy();
    await server.close();
  }
});
