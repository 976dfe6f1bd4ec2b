import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cluster } from '../cluster/cluster.ts';
import { findOrBuildBinaries } from '../cluster/binaries.ts';
import { addAppImage } from '../cluster/node.ts';
import { run } from '../cluster/run.ts';
import { startKubernetes, type Kubernetes } from '../cluster/kubernetes.ts';
import { waitUntil } from '../cluster/wait-until.ts';
import { managerImage } from './manifests.ts';

export const root = join(import.meta.dirname, '..', '..');
const namespace = 'default';

/** A real Kubernetes with a node, the controller, and what the demo does with them. */
export class NodeDemo {
  readonly namespace = namespace;
  readonly kubernetes: Kubernetes;
  readonly #kubectl: string;
  #controller: ChildProcess | undefined;

  constructor(kubernetes: Kubernetes, kubectl: string) {
    this.kubernetes = kubernetes;
    this.#kubectl = kubectl;
  }

  static async start(): Promise<NodeDemo> {
    const kubernetes = await startKubernetes({ node: 'if-possible' });
    const { kubectl } = await findOrBuildBinaries(['kubectl']);
    return new NodeDemo(kubernetes, kubectl);
  }

  get cluster(): Cluster {
    return this.kubernetes.cluster;
  }

  /** kubectl as a person uses it. */
  async kubectl(line: string, input?: string): Promise<string> {
    const args = ['--kubeconfig', this.cluster.kubeconfig, ...line.split(' ')];
    return run(this.#kubectl, args, { cwd: root, ...(input === undefined ? {} : { input }) });
  }

  /** The image that runs `leindex-reloader`, from the bundle in `dist/`. */
  async buildImage(): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), 'leindex-reloader-image-'));
    try {
      await mkdir(join(folder, 'dist'));
      await cp(join(root, 'dist'), join(folder, 'dist'), { recursive: true });
      await cp(join(root, 'package.json'), join(folder, 'package.json'));
      const args = ['dist/leindex-reloader.js'];
      await addAppImage(this.kubernetes.controlPlane.address, { name: managerImage, appFolder: folder, args });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** The controller, as the account that `deploy/rbac.yaml` makes for it, with no right beyond. */
  async startController(): Promise<void> {
    await this.cluster.core.createNamespace({ body: { metadata: { name: 'leindex-reloader' } } });
    await waitUntil({
      what: 'the namespace has its service account',
      check: () =>
        this.cluster.core.readNamespacedServiceAccount({ namespace: 'leindex-reloader', name: 'default' }).then(
          () => true,
          () => false,
        ),
    });
    await this.cluster.apply(readFileSync(join(root, 'deploy', 'rbac.yaml'), 'utf8'));
    const account = { namespace: 'leindex-reloader', name: 'leindex-reloader' };
    const kubeconfig = await this.cluster.serviceAccountKubeconfig(account);
    const bundle = join(root, 'dist', 'leindex-reloader.js');
    const args = [bundle, 'controller', '--kubeconfig', kubeconfig, '--listen', '127.0.0.1:0'];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    this.#controller = child;
    await waitUntil({
      what: 'the controller has started',
      timeoutMs: 20_000,
      check: () => {
        if (child.exitCode !== null) throw new Error(`the controller ended:\n${output}`);
        return output.includes('"started"');
      },
    });
  }

  async stop(): Promise<void> {
    const child = this.#controller;
    if (child && child.exitCode === null && child.signalCode === null) {
      const exit = once(child, 'exit');
      child.kill('SIGTERM');
      await exit;
    }
    await this.kubernetes.stop();
  }
}
