import { readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Child, startChild } from '../cluster/child.ts';
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
  readonly #children: Child[] = [];

  constructor(kubernetes: Kubernetes, kubectl: string) {
    this.kubernetes = kubernetes;
    this.#kubectl = kubectl;
  }

  static async start(node: 'if-possible' | 'none'): Promise<DemoCluster> {
    const kubernetes = await startKubernetes({ node });
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
    const { folder } = this.kubernetes.controlPlane;
    const child = await startChild({ folder, name: 'controller', command: process.execPath, args });
    this.#children.push(child);
    await child.untilReady(async () => (await readFile(child.logFile, 'utf8')).includes('"started"'), 20_000);
  }

  /** Stands in for workloads where there is no node. */
  async startLoopbackTargets(): Promise<void> {
    const { folder } = this.kubernetes.controlPlane;
    const config = String((parse(configMap(3072, 512)) as { data: Record<string, string> }).data['mcp_config.yaml']);
    this.#children.push(...(await startLoopbackTargets(this.cluster, { folder, bundle, config, count: 2 })));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#children.map((child) => child.stop()));
    await this.kubernetes.stop();
  }
}
