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
import { parse } from 'yaml';
import { LOOPBACK_CIDR, startLoopbackTargets } from './loopback-targets.ts';
import { configMap, managerImage } from './manifests.ts';

export const root = join(import.meta.dirname, '..', '..');
const bundle = join(root, 'dist', 'leindex-reloader.js');
const namespace = 'default';

/** A real Kubernetes, the controller, and what the demo does with them. */
export class DemoCluster {
  readonly namespace = namespace;
  readonly kubernetes: Kubernetes;
  readonly #kubectl: string;
  readonly #children: ChildProcess[] = [];

  constructor(kubernetes: Kubernetes, kubectl: string) {
    this.kubernetes = kubernetes;
    this.#kubectl = kubectl;
  }

  static async start(): Promise<DemoCluster> {
    const kubernetes = await startKubernetes({ node: 'if-possible' });
    const { kubectl } = await findOrBuildBinaries(['kubectl']);
    return new DemoCluster(kubernetes, kubectl);
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
    const loopback = this.kubernetes.node ? [] : ['--allow-endpoint-cidr', LOOPBACK_CIDR];
    const args = [bundle, 'controller', '--kubeconfig', kubeconfig, '--listen', '127.0.0.1:0', ...loopback];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    this.#children.push(child);
    await waitUntil({
      what: 'the controller has started',
      timeoutMs: 20_000,
      check: () => {
        if (child.exitCode !== null) throw new Error(`the controller ended:\n${output}`);
        return output.includes('"started"');
      },
    });
  }

  /** Stands in for workloads where there is no node. */
  async startLoopbackTargets(): Promise<void> {
    const { folder } = this.kubernetes.controlPlane;
    const config = String((parse(configMap(3072, 512)) as { data: Record<string, string> }).data['mcp_config.yaml']);
    this.#children.push(...(await startLoopbackTargets(this.cluster, { folder, bundle, config, count: 2 })));
  }

  async stop(): Promise<void> {
    for (const child of this.#children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const exit = once(child, 'exit');
      child.kill('SIGTERM');
      await exit;
    }
    await this.kubernetes.stop();
  }
}
