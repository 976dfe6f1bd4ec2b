import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** Passes bytes on to a server on loopback, TLS unseen, until it is told to lose them. */
export class TcpProxy {
  /** TCP connections ever accepted. */
  connections = 0;
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();

  private constructor(upstream: URL) {
    this.#server = createServer((socket) => {
      this.connections += 1;
      const onward = connect(Number(upstream.port), upstream.hostname);
      const pair = [socket, onward] as const;
      this.#pairs.add(pair);
      for (const [from, to] of [pair, [onward, socket] as const]) {
        from.on('error', () => undefined).on('close', () => (this.#pairs.delete(pair), to.destroy()));
        from.pipe(to);
      }
    });
  }

  static async start(upstream: URL): Promise<TcpProxy> {
    const proxy = new TcpProxy(upstream);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get url(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** From now on nothing passes on the connections that stand, and neither side is told. New ones work. */
  blackhole(): void {
    for (const pair of this.#pairs) {
      for (const socket of pair) socket.unpipe().removeAllListeners('close').resume();
    }
  }

  async stop(): Promise<void> {
    for (const [socket, onward] of this.#pairs) {
      socket.destroy();
      onward.destroy();
    }
    this.#server.close();
    await once(this.#server, 'close');
  }
}
