import { Writable } from 'node:stream';
import { Exec, type V1Pod, type V1Status } from '@kubernetes/client-node';
import { afterAll, describe, inject, test } from 'vitest';
import { Cluster, type ClusterAddress } from '../cluster/cluster.ts';
import { addAppImage } from '../cluster/node.ts';
import { waitUntil } from '../cluster/wait-until.ts';
import type {} from './global-setup.ts';

/**
 * A `describe` whose tests have a real Kubernetes with a real node. Where there can be none its tests are skipped,
 * with the reason in the name; with CI=true that never happens, for then the setup fails.
 */
export function describeOnNode(name: string, body: (node: NodeCluster) => void | Promise<void>): void {
  const provision = inject('node');
  if ('missing' in provision) {
    test.skip(`${name}: SKIPPED, missing: ${provision.missing.join('; ')}`, () => undefined);
    return;
  }
  describe(name, async () => {
    const cluster = new NodeCluster(provision.cluster);
    const namespace = await cluster.createNamespace('e2e');
    afterAll(() => cluster.removeNamespace(namespace));
    cluster.namespace = namespace;
    await body(cluster);
  });
}

/** A cluster with a node, a fresh namespace for these tests, and what tests do with pods. */
export class NodeCluster extends Cluster {
  namespace = '';
  readonly #folder: string;

  constructor(address: ClusterAddress) {
    super(address);
    this.#folder = address.folder;
  }

  /** An image of this machine's Node with the files of a folder in /app; see `buildAppImage`. */
  async addAppImage(options: Parameters<typeof addAppImage>[1]): Promise<void> {
    await addAppImage({ folder: this.#folder }, options);
  }

  /** The pod, once all its containers are ready. */
  async waitForPod(name: string, timeoutMs = 60_000): Promise<V1Pod> {
    return await waitUntil({
      what: `pod ${name} is ready`,
      timeoutMs,
      everyMs: 100,
      check: async () => {
        const pod = await this.core.readNamespacedPod({ namespace: this.namespace, name });
        const isReady = pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');
        return isReady === true ? pod : undefined;
      },
    });
  }

  /** Runs a command in a container and returns what it wrote; throws where it fails. The test's own way, not the product's. */
  async exec(pod: string, container: string, command: readonly string[]): Promise<string> {
    const out: Buffer[] = [];
    const collect = (): Writable =>
      new Writable({
        write: (chunk: Buffer, _encoding, done) => {
          out.push(chunk);
          done();
        },
      });
    const status = await new Promise<V1Status>((resolve, reject) => {
      const ended = (answer: V1Status): void => resolve(answer);
      new Exec(this.kubeConfig)
        .exec(this.namespace, pod, container, [...command], collect(), collect(), null, false, ended)
        .catch(reject);
    });
    const text = Buffer.concat(out).toString();
    if (status.status !== 'Success') throw new Error(`${command.join(' ')}: ${status.message ?? ''} ${text}`);
    return text;
  }
}
