import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { BodyReader, BodyRefused, type BodyLimits } from './body-reader.ts';
import type { Reviewer } from './reviewer.ts';

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
  readonly review: Reviewer['review'];
  /** For the handshake, for the head of a request, and for a request as a whole, in milliseconds; default 10000. */
  readonly timeLimitMs?: number;
  /** @internal For tests. */
  readonly bodies?: Partial<BodyLimits>;
}

export interface WebhookServer {
  readonly port: number;
  /** Takes a rotated certificate for connections from now on. */
  replacePair(pair: CertificatePair): void;
  close(): Promise<void>;
}

/**
 * The API server sends old and new object, each of at most 1 MiB of data: 2.7 MiB in base64, as much as a text of which every
 * third character is escaped; managedFields and annotations come on top. What is larger is left to the failurePolicy.
 */
const BODIES: BodyLimits = { mostBytes: 4 * 1024 * 1024, smallBytes: 65_536, largeBodies: 2, waitMs: 1_000 };

/** Serves `POST /validate` over HTTPS. It parses and checks; nothing of what it reads is ever run. Rejects where it cannot listen. */
export async function startWebhook(options: WebhookOptions): Promise<WebhookServer> {
  const { host, port, pair, review, bodies, timeLimitMs = 10_000 } = options;
  const reader = new BodyReader({ ...BODIES, ...bodies });
  const limits = {
    handshakeTimeout: timeLimitMs,
    headersTimeout: timeLimitMs,
    requestTimeout: timeLimitMs,
    connectionsCheckingInterval: Math.min(1_000, timeLimitMs),
    maxHeaderSize: 16_384,
  };
  const server = createServer({ ...pair, ...limits, minVersion: 'TLSv1.2' }, (request, response) => {
    void serve(request, response, { reader, review }).catch(() => response.destroy());
  });
  // A client that does not read its answer is not waited for.
  server.timeout = timeLimitMs;
  server.maxConnections = 64;
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

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  { reader, review }: { readonly reader: BodyReader; readonly review: Reviewer['review'] },
): Promise<void> {
  const refuse = (status: number) => response.writeHead(status, { connection: 'close' }).end();
  if (request.url?.split('?')[0] !== '/validate') return void refuse(404);
  if (request.method !== 'POST') return void refuse(405);
  if (!/^application\/json\b/.test(request.headers['content-type'] ?? '')) return void refuse(415);
  try {
    const answer = await reader.read(request, review);
    if (!answer) return void refuse(400);
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  } catch (error) {
    // To the API server any of these is a webhook that cannot be asked: its failurePolicy says what becomes of the write.
    refuse(error instanceof BodyRefused ? error.status : 503);
  }
}
