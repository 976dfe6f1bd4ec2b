import { once } from 'node:events';
import { Agent, createServer, request as send } from 'node:https';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CertificateAuthority } from '../certificates.ts';
import type { Cluster } from '../cluster.ts';
import { writeKubeconfig } from '../kubeconfig.ts';
import type { LineFaults } from './line-faults.ts';

/** One request of the controller, as the proxy saw it. */
export interface Call {
  /** From 1, in the order of arrival. */
  readonly number: number;
  /** `EXEC` for the upgrade to a WebSocket. */
  readonly method: string;
  /** Without query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly isWrite: boolean;
  readonly isWatch: boolean;
  readonly at: number;
  /** Of the answer that the controller got; 0: none. */
  status: number;
}

/** What is done to a call instead of just passing it on. */
export type Fault =
  /** Cut before the API server hears of it. */
  | { readonly kind: 'drop' }
  /** Passed on and carried out; the answer is lost. */
  | { readonly kind: 'loseAnswer' }
  /** Answered by the proxy. */
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers?: Record<string, string>;
      readonly body?: string;
    }
  /** Passed on after a while. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** Passed on and carried out; another answer is given. */
  | { readonly kind: 'replaceAnswer'; readonly status: number; readonly body?: string }
  /** A watch whose lines are tampered with. */
  | { readonly kind: 'lines'; readonly faults: LineFaults }
  /** Accepted, and never answered. */
  | { readonly kind: 'blackhole' };

export interface Rule {
  readonly name: string;
  readonly matches: (call: Call) => boolean;
  readonly fault: (call: Call) => Fault;
  /** How often it fires at most; default: always. */
  readonly times?: number;
}

interface ActiveRule extends Rule {
  fired: number;
}

/** A proxy between the controller and the API server that plays faults, and records every call. */
export class FaultProxy {
  readonly calls: Call[] = [];
  readonly kubeconfig: string;
  /** Told of each call before it is passed on, when it was carried out, and after it was answered; may end the controller. */
  before: ((call: Call) => Promise<'drop' | undefined | void>) | undefined;
  committed: ((call: Call) => Promise<'answer' | 'hang'> | 'answer' | 'hang') | undefined;
  answered: ((call: Call) => void) | undefined;
  /** Both ends of what became a WebSocket. */
  readonly upgraded = new Set<Socket>();
  #rules: ActiveRule[] = [];
  readonly #watches = new Set<ServerResponse>();
  readonly #upstream: URL;
  readonly #agent: Agent;
  readonly #close: () => Promise<void>;

  private constructor(upstream: URL, agent: Agent, kubeconfig: string, close: () => Promise<void>) {
    this.#upstream = upstream;
    this.#agent = agent;
    this.kubeconfig = kubeconfig;
    this.#close = close;
  }

  /** For the account of a token; the proxy has a certificate of the cluster's own authority. */
  static async start(cluster: Cluster, folder: string, token: string): Promise<FaultProxy> {
    const authority = await CertificateAuthority.load(folder);
    const pair = await authority.issue({ commonName: 'fault-proxy', hosts: ['127.0.0.1'] });
    const agent = new Agent({ ca: authority.pair.certificate, keepAlive: true });
    let proxy: FaultProxy | undefined = undefined;
    const server = createServer({ cert: pair.certificate, key: pair.key }, (request, response) => {
      void proxy?.handle(request, response);
    });
    server.on('upgrade', (request, socket, head) => void proxy?.handleUpgrade(request, socket as Socket, head));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const port = (server.address() as AddressInfo).port;
    const kubeconfig = await writeKubeconfig({
      path: join(folder, 'kubeconfigs', `proxy-${port}.yaml`),
      server: `https://127.0.0.1:${port}`,
      ca: authority.pair.certificate,
      user: 'proxied',
      credentials: { token },
    });
    const created = new FaultProxy(new URL(cluster.url), agent, kubeconfig, async () => {
      for (const socket of proxy?.upgraded ?? []) socket.destroy();
      server.closeAllConnections();
      server.close();
      agent.destroy();
      await once(server, 'close').catch(() => undefined);
    });
    proxy = created;
    return created;
  }

  /** Plays by these rules from now on; the first that matches counts. */
  play(...rules: readonly Rule[]): void {
    this.#rules = rules.map((rule) => ({ ...rule, fired: 0 }));
  }

  /** Ends the rules. A rule that never fired has tested nothing: that is a failure. */
  rest(): void {
    const idle = this.#rules.filter(({ fired }) => fired === 0).map(({ name }) => name);
    this.#rules = [];
    if (idle.length > 0) throw new Error(`these faults never happened: ${idle.join(', ')}`);
  }

  /** Cuts the watches that are open now. */
  cutWatches(): void {
    for (const response of this.#watches) response.destroy();
  }

  /** Cuts all that is under way, watches too. */
  close(): Promise<void> {
    return this.#close();
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.#upstream);
    const method = request.method ?? 'GET';
    const call = this.#note({ method, url, isWrite: !['GET', 'HEAD'].includes(method) });
    response.on('error', () => undefined);
    request.on('error', () => undefined);
    const body = await readAll(request);
    if ((await this.before?.(call)) === 'drop') {
      response.destroy();
      return;
    }
    const rule = this.#rules.find(({ matches, fired, times = Infinity }) => fired < times && matches(call));
    if (rule) rule.fired += 1;
    await this.#apply(rule?.fault(call), { call, url, headers: request.headers, body, response });
  }

  /**
   * An exec: what comes back is kept until the command has ended, so that it is carried out, as a write is, before it is answered.
   * Rules do not apply.
   */
  async handleUpgrade(request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    const url = new URL(request.url ?? '/', this.#upstream);
    const call = this.#note({ method: 'EXEC', url, isWrite: true });
    this.#keep(socket);
    if ((await this.before?.(call)) === 'drop') return void socket.destroy();
    const asking = send(url, {
      headers: { ...request.headers, host: this.#upstream.host },
      ca: this.#agent.options.ca,
    });
    asking.on('error', () => socket.destroy()).end();
    asking.on('response', (answer) => {
      call.status = answer.statusCode ?? 0;
      socket.end(`HTTP/1.1 ${call.status} ${answer.statusMessage ?? ''}\r\nconnection: close\r\n\r\n`);
    });
    const [answer, upstream, first] = (await once(asking, 'upgrade')) as [IncomingMessage, Socket, Buffer];
    this.#keep(upstream);
    const headers = Object.entries(answer.headers).map(([name, value]) => `${name}: ${String(value)}\r\n`);
    socket.write(`HTTP/1.1 101 Switching Protocols\r\n${headers.join('')}\r\n`);
    call.status = 101;
    upstream.write(head);
    socket.pipe(upstream);
    const frames = [first];
    upstream.on('data', (chunk: Buffer) => frames.push(chunk));
    await once(upstream, 'close');
    if ((await this.committed?.(call)) === 'hang') return;
    if (!socket.destroyed) socket.end(Buffer.concat(frames));
    this.answered?.(call);
  }

  #note({ method, url, isWrite }: { method: string; url: URL; isWrite: boolean }): Call {
    const isWatch = url.searchParams.get('watch') === 'true';
    const { pathname: path, searchParams: query } = url;
    const call: Call = {
      number: this.calls.length + 1, method, path, query, isWrite, isWatch, at: performance.now(), status: 0,
    }; // prettier-ignore
    this.calls.push(call);
    return call;
  }

  #keep(socket: Socket): void {
    this.upgraded.add(socket);
    socket.on('error', () => undefined).on('close', () => this.upgraded.delete(socket));
  }

  async #apply(fault: Fault | undefined, exchange: Exchange): Promise<void> {
    const { call, response } = exchange;
    switch (fault?.kind) {
      case 'drop':
        response.destroy();
        return;
      case 'blackhole':
        return;
      case 'answer':
        call.status = fault.status;
        response
          .writeHead(fault.status, { 'content-type': 'application/json', ...fault.headers })
          .end(fault.body ?? '');
        return;
      case 'delay':
        await sleep(fault.ms);
        return this.#forward(exchange);
      case 'loseAnswer':
        return this.#forward(exchange, { replace: () => response.destroy() });
      case 'replaceAnswer':
        return this.#forward(exchange, {
          replace: () => response.writeHead(fault.status, { 'content-type': 'application/json' }).end(fault.body ?? ''),
        });
      case 'lines':
        return this.#forward(exchange, { lines: fault.faults });
      case undefined:
        return this.#forward(exchange);
    }
  }

  async #forward(exchange: Exchange, change: { replace?: () => void; lines?: LineFaults } = {}): Promise<void> {
    const { call, url, headers, body, response } = exchange;
    const upstream = send(new URL(url.pathname + url.search, this.#upstream), {
      method: call.method,
      agent: this.#agent,
      headers: { ...headers, host: this.#upstream.host, 'accept-encoding': 'identity' },
    });
    upstream.on('error', () => response.destroy());
    response.on('close', () => upstream.destroy());
    upstream.end(body);
    const [answer] = (await once(upstream, 'response').catch(() => [undefined])) as [IncomingMessage | undefined];
    if (!answer) return;
    answer.on('error', () => response.destroy());
    if (call.isWatch) {
      call.status = answer.statusCode ?? 0;
      response.writeHead(call.status, answer.headers);
      response.flushHeaders();
      this.#watches.add(response);
      response.on('close', () => this.#watches.delete(response));
      if (change.lines) await change.lines.pipe(answer, response);
      else answer.pipe(response);
      return;
    }
    const content = await readAll(answer);
    if ((await this.committed?.(call)) === 'hang') return;
    if (change.replace) change.replace();
    else {
      call.status = answer.statusCode ?? 0;
      response.writeHead(call.status, answer.headers).end(content);
    }
    this.answered?.(call);
  }
}

interface Exchange {
  readonly call: Call;
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly response: ServerResponse;
}

async function readAll(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of stream) chunks.push(chunk as Buffer);
  } catch {
    // cut by the other side: what came is what there is
  }
  return Buffer.concat(chunks);
}
