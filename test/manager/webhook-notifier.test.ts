import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { writeFileSync } from 'node:fs';
import { pino } from 'pino';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { WebhookNotifier, type WebhookNotifierOptions } from '../../src/manager/webhook-notifier.ts';
import { afterTest, goodText, newWorkspace, startManager, until } from './workspace.ts';

interface Received {
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** A receiver that answers by a script: one entry a request, the last for all that follow. */
async function startReceiver(...script: ((response: ServerResponse, request: IncomingMessage) => void)[]) {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      received.push({ headers: request.headers as Record<string, string>, body });
      (script[received.length - 1] ?? script.at(-1))?.(response, request);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  afterTest(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, received };
}

const status =
  (code: number, headers: Record<string, string> = {}) =>
  (response: ServerResponse) =>
    response.writeHead(code, headers).end();

async function startNotifier(options: Partial<WebhookNotifierOptions> & { urls: readonly string[] }) {
  const outcomes: string[] = [];
  const notifier = new WebhookNotifier({
    firstDelayMs: 5,
    logger: pino({ level: 'silent' }),
    onOutcome: (outcome) => outcomes.push(outcome),
    ...options,
  });
  afterTest(() => notifier.close(0));
  const { manager, workspace } = await startManager({ onEvent: (event) => notifier.notify(event) });
  return { notifier, manager, workspace, outcomes };
}

describe('WebhookNotifier', () => {
  it('signs as the Standard Webhooks library verifies, and sends what may leave the process', async () => {
    const secret = `whsec_${Buffer.from('0123456789abcdef01234567').toString('base64')}`;
    const secretFile = newWorkspace(null).in('secret');
    writeFileSync(secretFile, `${secret}\n`);
    const { url, received } = await startReceiver(status(204));
    const { manager, workspace } = await startNotifier({ urls: [url], secretFile });
    workspace.write(goodText(60));
    const { event } = await manager.reloadConfig();
    await until('the message', () => received.length === 1);
    const [message] = received;
    const payload = new Webhook(secret).verify(message!.body, message!.headers) as any;
    expect(payload).toMatchObject({ type: 'config.reload.succeeded', data: { id: event.id, changes: [{ to: 60 }] } });
    expect(payload.data).not.toHaveProperty('newConfig');
    expect(message!.headers['webhook-id']).toBe(`msg_${event.id}`);
    expect(() => new Webhook(secret).verify(message!.body.replace('60', '61'), message!.headers)).toThrow();
  });

  it('tries again after 500, 429 and a cut connection, with the same id, and gives up after its tries', async () => {
    const { url, received } = await startReceiver(
      status(500),
      status(429, { 'retry-after': '0' }),
      (_r, request) => request.socket.destroy(),
      status(200),
    );
    const { manager, outcomes } = await startNotifier({ urls: [url] });
    await manager.reloadConfig();
    await until('delivery', () => outcomes.length === 1);
    expect(outcomes).toEqual(['delivered']);
    expect(received).toHaveLength(4);
    expect(new Set(received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    const down = await startReceiver(status(503));
    const other = await startNotifier({ urls: [down.url], attempts: 3 });
    await other.manager.reloadConfig();
    await until('the end of the tries', () => other.outcomes.length === 1);
    expect([other.outcomes, down.received.length]).toEqual([['failed'], 3]);
  });

  it('follows no redirect and does not insist where it is refused', async () => {
    const elsewhere = await startReceiver(status(200));
    for (const answer of [
      status(302, { location: elsewhere.url }),
      status(307, { location: elsewhere.url }),
      status(400),
      status(410),
    ]) {
      const { url, received } = await startReceiver(answer);
      const { manager, outcomes } = await startNotifier({ urls: [url] });
      await manager.reloadConfig();
      await until('the refusal', () => outcomes.length === 1);
      expect([outcomes, received.length]).toEqual([['failed'], 1]);
    }
    expect(elsewhere.received).toEqual([]);
  });

  it('F38: a receiver that hangs or floods delays neither reloads nor other receivers, and its queue is bounded', async () => {
    const hanging = await startReceiver(() => undefined);
    const flooding = await startReceiver((response) => {
      response.writeHead(200);
      const pour = () => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
        if (!response.destroyed) response.once('drain', pour);
      };
      pour();
    });
    const fine = await startReceiver(status(200));
    const { manager, outcomes } = await startNotifier({
      urls: [hanging.url, flooding.url, fine.url],
      queueLimit: 5,
      timeoutMs: 60_000,
    });
    for (let i = 0; i < 20; i++) {
      expect((await manager.reloadConfig()).result).toBe('success');
      await until('the other receivers', () => fine.received.length === i + 1 && flooding.received.length === i + 1);
    }
    // One in flight, five kept, the rest dropped, oldest first.
    expect(outcomes.filter((outcome) => outcome === 'dropped')).toHaveLength(14);
    expect(hanging.received).toHaveLength(1);
  });

  it('sends nothing unsigned where the secret cannot be read, and takes only http and https', async () => {
    const { url, received } = await startReceiver(status(200));
    const { manager, outcomes } = await startNotifier({ urls: [url], secretFile: '/nowhere/secret', attempts: 2 });
    await manager.reloadConfig();
    await until('the tries', () => outcomes.length === 1);
    expect([outcomes, received]).toEqual([['failed'], []]);
    const logger = pino({ level: 'silent' });
    for (const wrong of ['file:///etc/passwd', 'ftp://x', 'x'])
      expect(() => new WebhookNotifier({ urls: [wrong], logger })).toThrow(TypeError);
  });

  it('refuses a URL with a user name or password, without repeating it', () => {
    const logger = pino({ level: 'silent' });
    for (const user of ['name:hunter2', 'hunter2', ':hunter2']) {
      const make = () => new WebhookNotifier({ urls: [`https://${user}@hooks.example/x`], logger });
      expect(make).toThrow(TypeError);
      expect(make).not.toThrow(/hunter2/);
    }
  });
});
