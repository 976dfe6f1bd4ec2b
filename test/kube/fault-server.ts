import { once } from 'node:events';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import {
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CertificateAuthority } from '../cluster/certificates.ts';

export type Play = (request: Http2ServerRequest, response: Http2ServerResponse) => unknown;

/**
 * A TLS server on loopback that plays the faults of a test: it decides nothing and stores nothing, so it is no API server.
 * HTTP/2 and HTTP/1.1; counts TCP connections; its kubeconfig trusts only its own CA.
 */
export class FaultServer {
  /** What answers; may be replaced at any time. */
  play: Play;
  /** TCP connections ever accepted. */
  connections = 0;
  /** `METHOD path?query` of every request, in order. */
  readonly requests: string[] = [];
  readonly folder: string;
  readonly sockets = new Set<Socket>();
  #server: Http2SecureServer;

  private constructor(folder: string, server: Http2SecureServer, play: Play) {
    this.folder = folder;
    this.#server = server;
    this.play = play;
    this.#attach();
  }

  static async start(play: Play, http2 = true): Promise<FaultServer> {
    const folder = await mkdtemp(join(tmpdir(), 'fault-server-'));
    const { server, ca } = await listen(0, http2);
    const made = new FaultServer(folder, server, play);
    await writeFile(join(folder, 'ca.crt'), ca);
    await made.writeKubeconfig({ token: 'first' });
    return made;
  }

  get kubeconfig(): string {
    return join(this.folder, 'kubeconfig');
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Replaces the kubeconfig in one step. */
  async writeKubeconfig(user: object): Promise<void> {
    const config = {
      clusters: [
        { name: 'c', cluster: { server: `https://127.0.0.1:${this.port}`, 'certificate-authority': 'ca.crt' } },
      ],
      users: [{ name: 'u', user }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    };
    await writeFile(`${this.kubeconfig}.new`, JSON.stringify(config));
    await rename(`${this.kubeconfig}.new`, this.kubeconfig);
  }

  /** The same address under a certificate of a new CA. */
  async rotateAuthority(): Promise<void> {
    const { port } = this;
    await this.#close();
    const { server, ca } = await listen(port, true);
    this.#server = server;
    this.#attach();
    await writeFile(join(this.folder, 'ca.crt'), ca);
  }

  async stop(): Promise<void> {
    await this.#close();
    await rm(this.folder, { recursive: true, force: true });
  }

  #attach(): void {
    this.#server.on('connection', (socket: Socket) => {
      this.connections++;
      this.sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => this.sockets.delete(socket));
    });
    this.#server.on('request', (request: Http2ServerRequest, response: Http2ServerResponse) => {
      this.requests.push(`${request.method} ${request.url}`);
      response.on('error', () => undefined);
      void this.play(request, response);
    });
  }

  async #close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }
}

export function answer(
  response: Http2ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}

export async function readBody(request: Http2ServerRequest): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}

async function listen(port: number, http2: boolean): Promise<{ server: Http2SecureServer; ca: string }> {
  const authority = await CertificateAuthority.create();
  const { certificate, key } = await authority.issue({ commonName: 'fault-server', hosts: ['127.0.0.1'] });
  const server = createSecureServer({
    cert: certificate,
    key,
    allowHTTP1: true,
    ...(http2 ? {} : { ALPNProtocols: ['http/1.1'] }),
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return { server, ca: authority.pair.certificate };
}
