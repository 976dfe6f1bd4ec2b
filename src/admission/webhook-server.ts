import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Validate } from '../core/validation.ts';
import { answerReview } from './answer-review.ts';

/** PEM. */
export interface CertificatePair {
  readonly cert: Buffer | string;
  readonly key: Buffer | string;
}

export interface WebhookOptions {
  readonly host: string;
  readonly port: number;
  /** Without one, handshakes fail until `replacePair`. */
  readonly pair?: CertificatePair;
  readonly validate: Validate;
}

export interface WebhookServer {
  readonly port: number;
  /** Takes a rotated certificate for connections from now on. */
  replacePair(pair: CertificatePair): void;
  close(): Promise<void>;
}

/** The API server sends old and new object, each of at most 1 MiB of data, escaped as JSON. */
const MOST_BYTES = 8 * 1024 * 1024;
const TIME_LIMIT_MS = 10_000;

/** Serves `POST /validate` over HTTPS. It parses and checks; nothing of what it reads is ever run. Rejects where it cannot listen. */
export async function startWebhook({ host, port, pair, validate }: WebhookOptions): Promise<WebhookServer> {
  const limits = { headersTimeout: TIME_LIMIT_MS, requestTimeout: TIME_LIMIT_MS, maxHeaderSize: 16_384 };
  const server = createServer({ ...pair, ...limits, minVersion: 'TLSv1.2' }, (request, response) => {
    void serve(request, response, validate).catch(() => response.destroy());
  });
  server.maxConnections = 128;
  const listening = Promise.withResolvers<undefined>();
  server.once('error', listening.reject);
  server.listen(port, host, () => listening.resolve(undefined));
  await listening.promise;
  return {
    port: (server.address() as AddressInfo).port,
    replacePair: (next) => server.setSecureContext(next),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function serve(request: IncomingMessage, response: ServerResponse, validate: Validate): Promise<void> {
  const refuse = (status: number) => response.writeHead(status, { connection: 'close' }).end();
  if (request.url?.split('?')[0] !== '/validate') return void refuse(404);
  if (request.method !== 'POST') return void refuse(405);
  if (!/^application\/json\b/.test(request.headers['content-type'] ?? '')) return void refuse(415);
  const body = await readBody(request);
  if (!body) return void refuse(413);
  const answer = await answerReview(parse(body), validate);
  if (!answer) return void refuse(400);
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
}

/** Undefined where it has more than 8 MiB. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MOST_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}
