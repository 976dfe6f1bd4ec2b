import {
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { isAuthorized, SecretFile } from './bearer-token.ts';
import { answerClientError } from './client-error.ts';
import type { ConfigReloadManager } from './config-reload-manager.ts';
import { HttpProblem, problem, sendAnswer, type HttpAnswer } from './http-answer.ts';
import { openPaths, routes } from './http-routes.ts';
import { isLoopbackAddress } from './loopback.ts';
import { guardOrigin } from './origin-guard.ts';
import { guardProtocol } from './protocol-guard.ts';
import { TlsFiles } from './tls-files.ts';

/** Times are milliseconds. */
export interface HttpEndpointOptions {
  readonly manager: ConfigReloadManager;
  /** Default `127.0.0.1:8686`; port 0 asks for a free one. */
  readonly listen?: { readonly host: string; readonly port: number };
  /** File with the bearer token that every path but the probes asks for. */
  readonly tokenFile?: string;
  /** Allows to listen on more than loopback without a token. */
  readonly allowNoAuth?: boolean;
  /** PEM files; followed when they change. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string; readonly pollMs?: number };
  /** Served at `/metrics`; default: an empty page. */
  readonly registry?: Registry;
  readonly maxConfigBytes?: number;
  /** For the whole head of a request; default 5000. */
  readonly headersTimeoutMs?: number;
  /** For the whole request, body included; default 10000. */
  readonly requestTimeoutMs?: number;
  /** Between two requests of a connection; default 5000. */
  readonly keepAliveTimeoutMs?: number;
  /** Default 128. */
  readonly maxConnections?: number;
  readonly logger: Logger;
}

/** Listening here would let anyone on the network reload. */
export class OpenEndpointError extends Error {
  constructor(host: string) {
    super(`listening on ${host} needs --token-file, or --insecure-no-auth where the network is trusted`);
    this.name = 'OpenEndpointError';
  }
}

/** The manager over HTTP (contract, section 5). */
export class HttpEndpoint {
  readonly #options: HttpEndpointOptions;
  readonly #token: SecretFile | undefined;
  readonly #isLoopback: boolean;
  readonly #host: string;
  #server: Server | undefined;
  #tls: TlsFiles | undefined;
  #isStopping = false;
  #busy = 0;
  #onIdle: (() => void) | undefined;

  /** @throws OpenEndpointError */
  constructor(options: HttpEndpointOptions) {
    this.#options = options;
    this.#host = options.listen?.host ?? '127.0.0.1';
    this.#isLoopback = isLoopbackAddress(this.#host);
    if (!this.#isLoopback && options.tokenFile === undefined && !options.allowNoAuth)
      throw new OpenEndpointError(this.#host);
    this.#token = options.tokenFile === undefined ? undefined : new SecretFile(options.tokenFile);
  }

  /** @returns where it listens. @throws where the address is taken, or token or certificate cannot be read. */
  async start(): Promise<AddressInfo> {
    const { tokenFile, tls, listen, logger } = this.#options;
    if (this.#token && (await this.#token.read()) === null)
      throw new Error(`${tokenFile} holds no token: one line of printable characters`);
    if (tls) this.#tls = await TlsFiles.load({ ...tls, logger });
    const server = this.#createServer();
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: this.#host, port: listen?.port ?? 8686 }, resolve);
    });
    return server.address() as AddressInfo;
  }

  /**
   * From now on `/readyz` and new reloads answer 503; the requests in flight are answered, and the port is closed.
   * @param graceMs how long to wait for them; default 10000. Then their connections are cut.
   */
  async stop(graceMs = 10_000): Promise<void> {
    const server = this.#server;
    this.#isStopping = true;
    if (!server) return;
    this.#tls?.close();
    if (this.#busy > 0) {
      let timer: NodeJS.Timeout | undefined;
      const expired = new Promise<void>((resolve) => (timer = setTimeout(resolve, graceMs)));
      await Promise.race([new Promise<void>((resolve) => (this.#onIdle = resolve)), expired]);
      clearTimeout(timer);
    }
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeIdleConnections();
    setImmediate(() => server.closeAllConnections());
    await closed;
  }

  #createServer(): Server {
    const {
      headersTimeoutMs = 5000,
      requestTimeoutMs = 10_000,
      keepAliveTimeoutMs = 5000,
      maxConnections = 128,
    } = this.#options;
    const settings = {
      headersTimeout: headersTimeoutMs,
      requestTimeout: requestTimeoutMs,
      keepAliveTimeout: keepAliveTimeoutMs,
      connectionsCheckingInterval: Math.min(1000, headersTimeoutMs),
      maxHeaderSize: 16_384,
      requireHostHeader: false, // guardProtocol asks for it, and says so
    };
    const onRequest = (request: IncomingMessage, response: ServerResponse) => void this.#answer(request, response);
    const server = this.#tls
      ? this.#createTlsServer(this.#tls, settings, onRequest)
      : createHttpServer(settings, onRequest);
    server.maxConnections = maxConnections;
    server.maxRequestsPerSocket = 1000;
    server.on('clientError', answerClientError);
    // A body is asked for only after the checks that need none.
    server.on('checkContinue', onRequest);
    server.on('checkExpectation', onRequest);
    return server;
  }

  #createTlsServer(files: TlsFiles, settings: ServerOptions, onRequest: RequestListener): Server {
    const handshakeTimeout = settings.headersTimeout ?? 5000;
    const server = createHttpsServer(
      { ...settings, ...files.current, minVersion: 'TLSv1.2', handshakeTimeout },
      onRequest,
    );
    files.follow((pair) => server.setSecureContext(pair));
    return server;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#busy++;
    try {
      const answer = await this.#route(request, response);
      const headers = this.#isStopping ? { ...answer.headers, Connection: 'close' } : answer.headers;
      sendAnswer(response, { ...answer, ...(headers ? { headers } : {}) });
    } catch (error) {
      sendAnswer(response, this.#explain(error));
    } finally {
      this.#limitSending(request, response);
      // What was not read of the body is not read at all.
      if (!request.complete) response.once('finish', () => request.destroy());
      if (--this.#busy === 0) this.#onIdle?.();
    }
  }

  /** A client that takes nothing of its answer for so long is not waited for; behind it in the connection, a request may wait again. */
  #limitSending({ socket }: IncomingMessage, response: ServerResponse): void {
    response.setTimeout(this.#options.requestTimeoutMs ?? 10_000);
    response.prependOnceListener('finish', () => socket.setTimeout(0));
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<HttpAnswer> {
    guardProtocol(request);
    guardOrigin(request, this.#isLoopback);
    const [path = '', search = ''] = (request.url ?? '').split('?', 2);
    if (!openPaths.has(path)) await this.#authorize(request);
    const methods = Object.hasOwn(routes, path) ? routes[path] : undefined;
    if (!methods) throw new HttpProblem(404, 'RouteNotFound', 'there is nothing at this path');
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    const route = method === 'GET' || method === 'POST' || method === 'DELETE' ? methods[method] : undefined;
    if (!route) {
      const allow = Object.keys(methods).flatMap((name) => (name === 'GET' ? ['GET', 'HEAD'] : [name]));
      throw new HttpProblem(405, 'MethodNotAllowed', `this path takes ${allow.join(', ')}`, {
        Allow: allow.join(', '),
      });
    }
    if (this.#isStopping && path === '/v1/reload') throw new HttpProblem(503, 'Stopping', 'the manager is stopping');
    if (request.headers.expect?.toLowerCase() === '100-continue') response.writeContinue();
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const { manager, maxConfigBytes = 65_536 } = this.#options;
    return route({
      manager,
      maxConfigBytes,
      request,
      query: new URLSearchParams(search),
      signal: gone.signal,
      isStopping: this.#isStopping,
      metrics: () => this.#readMetrics(),
    });
  }

  async #authorize(request: IncomingMessage): Promise<void> {
    if (!this.#token) return;
    const token = await this.#token.read();
    if (token !== null && isAuthorized(request.headers.authorization, token)) return;
    if (token === null) this.#options.logger.error('the token file holds no token; every request is refused');
    throw new HttpProblem(401, 'Unauthorized', 'send the token as Authorization: Bearer …', {
      'WWW-Authenticate': 'Bearer realm="leindex-reloader"',
    });
  }

  #explain(error: unknown): HttpAnswer {
    if (error instanceof HttpProblem) return error.answer;
    this.#options.logger.error({ err: error }, 'a request failed in a way it must not');
    return problem({
      status: 500,
      reason: 'InternalError',
      result: 'io_error',
      detail: 'the request failed; the log says more',
    });
  }

  async #readMetrics(): Promise<{ contentType: string; text: string }> {
    const { registry } = this.#options;
    return {
      contentType: registry?.contentType ?? 'text/plain; charset=utf-8',
      text: (await registry?.metrics()) ?? '',
    };
  }
}
