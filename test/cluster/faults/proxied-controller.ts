import { beforeAll } from 'vitest';
import type { Cluster } from '../cluster.ts';
import { type ControllerProcess, startController } from '../controller-process.ts';
import { TARGET_CIDR } from '../endpoint-targets.ts';
import type { FaultProxy } from './fault-proxy.ts';
import { startProxied } from './start-proxied.ts';

/** A controller of the test's namespace, which reaches the API server through a proxy. */
export class ProxiedController {
  readonly #namespace: string;
  #proxy: FaultProxy | undefined;
  #process: ControllerProcess | undefined;

  constructor(namespace: string) {
    this.#namespace = namespace;
  }

  get proxy(): FaultProxy {
    if (!this.#proxy) throw new Error('the proxy was not started');
    return this.#proxy;
  }

  /** The process as it is now, or was last. */
  get running(): ControllerProcess {
    if (!this.#process) throw new Error('the controller was not started');
    return this.#process;
  }

  async startBehind(proxy: FaultProxy): Promise<void> {
    this.#proxy = proxy;
    await this.start();
  }

  /** Starts another process, where the last one has ended. */
  async start(): Promise<void> {
    const args = ['--namespace', this.#namespace, '--allow-endpoint-cidr', TARGET_CIDR];
    this.#process = await startController(this.proxy.kubeconfig, ...args);
  }

  async restart(): Promise<void> {
    await this.running.kill('SIGKILL');
    await this.start();
  }
}

/** Both are there when the tests begin. */
export function useProxiedController(cluster: Cluster & { readonly namespace: string }): ProxiedController {
  const controller = new ProxiedController(cluster.namespace);
  beforeAll(async () => controller.startBehind(await startProxied(cluster)));
  return controller;
}
