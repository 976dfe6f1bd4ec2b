import type { DispatcherOptions } from '@kubernetes/client-node';
import { Agent, ProxyAgent, Socks5ProxyAgent, type Dispatcher } from 'undici';
import type { Access } from './credentials.ts';

/**
 * Kinds of traffic that must not wait for each other: short calls, watches that last for minutes, and the Lease,
 * whose renewal has to get through when everything else is stuck.
 */
export type Lane = 'calls' | 'watches' | 'lease';

/**
 * HTTP/2 carries 100 calls on a connection, so the limit matters to plain HTTP/1 only. Watches hold an HTTP/1
 * connection each, which a limit would turn into a deadlock.
 */
const CONNECTIONS: Readonly<Record<Lane, number | null>> = { calls: 8, watches: null, lease: 1 };

/** A silent HTTP/2 connection is closed when a ping got no answer by the time of the next one, milliseconds. */
const PING_MS = 15_000;
const CONNECT_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_MS = 60_000;

/** One shared undici dispatcher a lane; made anew when the certificates or the address change. */
export class Dispatchers {
  readonly #lanes = new Map<Lane, { readonly fingerprint: string; readonly dispatcher: Dispatcher }>();
  #closed = false;

  /** The lane's dispatcher for this access. A replaced one finishes what it has under way and closes. */
  get(lane: Lane, access: Access): Dispatcher {
    if (this.#closed) throw Object.assign(new Error('the API client is closed'), { code: 'UND_ERR_CLOSED' });
    const present = this.#lanes.get(lane);
    if (present?.fingerprint === access.fingerprint) return present.dispatcher;
    const dispatcher = newDispatcher(access.transport, CONNECTIONS[lane]);
    this.#lanes.set(lane, { fingerprint: access.fingerprint, dispatcher });
    present?.dispatcher.close().catch(() => undefined);
    return dispatcher;
  }

  /** Cuts everything under way. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#lanes.values()].map(({ dispatcher }) => dispatcher.destroy()));
  }
}

function newDispatcher(transport: DispatcherOptions, connections: number | null): Dispatcher {
  const options = {
    connections,
    allowH2: true,
    pipelining: 1,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectTimeout: CONNECT_TIMEOUT_MS,
    h2Options: { pingInterval: PING_MS },
  };
  switch (transport.type) {
    case 'none':
      return new Agent(options);
    case 'agent':
      return new Agent({
        ...options,
        connect: { ...transport.connect, timeout: CONNECT_TIMEOUT_MS } as NonNullable<Agent.Options['connect']>,
      });
    case 'proxy':
      return new ProxyAgent({
        ...options,
        uri: transport.uri,
        requestTls: transport.requestTls as NonNullable<ProxyAgent.Options['requestTls']>,
      });
    case 'socks':
      return new Socks5ProxyAgent(transport.uri, {
        ...options,
        requestTls: transport.requestTls,
      } as Socks5ProxyAgent.Options);
  }
}
