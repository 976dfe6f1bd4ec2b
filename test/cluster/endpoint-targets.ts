import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterAll } from 'vitest';
import { contentHash } from '../../src/core/content-hash.ts';
import type { Cluster } from './cluster.ts';
import { createLoopbackPod } from './pod-status.ts';

/** The range that the controller must be allowed to call: `--allow-endpoint-cidr`. */
export const TARGET_CIDR = '127.64.0.0/10';

/** What came to a target, in order. */
export interface Delivery {
  readonly at: number;
  readonly hash: string;
  readonly wasApplied: boolean;
  readonly trigger: string;
}

interface ReloadBody {
  readonly hash: string;
  readonly config?: string;
  readonly trigger: string;
  readonly force?: boolean;
}

export type Behaviour = (request: IncomingMessage, response: ServerResponse, body: string) => void;

/** A pod whose endpoint is a server of this process, which keeps a ledger of all that it is told. */
export class EndpointTarget {
  readonly ledger: Delivery[] = [];
  readonly pod: string;
  readonly address: string;
  running = '';
  /** Answers instead, while it is set. */
  behaviour: Behaviour | undefined;
  readonly #server: Server;

  constructor(pod: string, address: string) {
    this.pod = pod;
    this.address = address;
    this.#server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => (this.behaviour ?? this.answer)(request, response, body));
    });
  }

  async listen(port: number): Promise<number> {
    this.#server.listen(port, this.address);
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /** As the manager does: checks the hash, applies once, says what it runs. */
  readonly answer: Behaviour = (_request, response, body) => {
    const { hash, config, trigger, force } = JSON.parse(body) as ReloadBody;
    const isGenuine = config !== undefined && contentHash(config) === hash;
    const wasApplied = isGenuine && (this.running !== hash || force === true);
    this.ledger.push({ at: performance.now(), hash, wasApplied, trigger });
    if (wasApplied) this.running = hash;
    response.writeHead(isGenuine ? 200 : 400, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ result: 'success', hash: this.running, unchanged: !wasApplied }));
  };

  /** The hashes that it came to run, in order. */
  get applied(): string[] {
    return this.ledger.filter(({ wasApplied }) => wasApplied).map(({ hash }) => hash);
  }
}

let network = 0;

/**
 * Pods that mount a ConfigMap and offer an endpoint, each with an address of its own on loopback. No node runs them: their
 * status is written here, as a kubelet would.
 */
export async function createEndpointTargets(
  cluster: Cluster,
  options: {
    readonly namespace: string;
    readonly configMap: string;
    readonly others?: readonly string[];
    readonly count: number;
    readonly prefix?: string;
  },
): Promise<EndpointTarget[]> {
  const { namespace, configMap, others = [], count, prefix = 'web' } = options;
  network += 1;
  const targets: EndpointTarget[] = [];
  let port = 0;
  for (let index = 0; index < count; index++) {
    const address = `127.${64 + (network % 60)}.${Math.floor(index / 250)}.${(index % 250) + 1}`;
    const target = new EndpointTarget(`${prefix}-${index}`, address);
    port = await target.listen(port);
    targets.push(target);
  }
  afterAll(() => {
    for (const target of targets) target.close();
  });
  for (let at = 0; at < targets.length; at += 20) {
    await Promise.all(
      targets
        .slice(at, at + 20)
        .map(({ pod, address }) =>
          createLoopbackPod(cluster, { namespace, name: pod, configMap, others, address, port }),
        ),
    );
  }
  return targets;
}
