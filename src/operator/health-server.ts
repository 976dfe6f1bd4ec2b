import { createServer, type Server } from 'node:http';
import type { Registry } from 'prom-client';

export interface HealthChecks {
  /** Why the process should be restarted, or undefined. */
  readonly unhealthy: () => string | undefined;
  /** Why it does not do its work yet, or no longer, or undefined. */
  readonly unready: () => string | undefined;
  readonly registry: Registry;
  /** Called before metrics are read. */
  readonly refresh: () => void;
}

/** `/healthz`, `/readyz` and `/metrics`, plain HTTP, GET and HEAD only. */
export async function startHealthServer(
  { host, port, timeLimitMs = 5_000 }: { host: string; port: number; timeLimitMs?: number },
  checks: HealthChecks,
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const server = createServer(
    {
      headersTimeout: timeLimitMs,
      requestTimeout: timeLimitMs,
      connectionsCheckingInterval: Math.min(1_000, timeLimitMs),
      maxHeaderSize: 8_192,
    },
    (request, response) => {
      const answer = (status: number, body: string, type = 'text/plain; charset=utf-8') => {
        response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' });
        response.end(request.method === 'HEAD' ? undefined : body);
      };
      const probe = (problem: string | undefined) => answer(problem === undefined ? 200 : 503, `${problem ?? 'ok'}\n`);
      const path = request.url?.split('?')[0];
      if (request.method !== 'GET' && request.method !== 'HEAD') answer(405, 'only GET and HEAD\n');
      else if (path === '/healthz') probe(checks.unhealthy());
      else if (path === '/readyz') probe(checks.unready());
      else if (path === '/metrics') {
        checks.refresh();
        void checks.registry.metrics().then(
          (text) => answer(200, text, checks.registry.contentType),
          () => answer(500, 'metrics cannot be read\n'),
        );
      } else answer(404, 'there are /healthz, /readyz and /metrics\n');
    },
  );
  server.maxConnections = 64;
  // A client that does not read its answer is not waited for.
  server.timeout = timeLimitMs;
  return { port: await listen(server, host, port), close: () => close(server) };
}

function listen(server: Server, host: string, port: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.once('error', reject);
  server.listen(port, host, () => {
    const address = server.address();
    resolve(typeof address === 'object' && address ? address.port : port);
  });
  return promise;
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
