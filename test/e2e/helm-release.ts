import { afterAll, beforeAll, inject } from 'vitest';
import { chartFolder, type Values } from '../chart/render-chart.ts';
import { runHelm } from '../cluster/helm.ts';
import { describeOnNode, type NodeCluster } from './describe-on-node.ts';
import { ensureProgramImages, type ProgramArchives } from './program-image.ts';

/** A release of the chart in the namespace of a test file, by real helm, with the image of the Dockerfile. */
export class HelmRelease {
  readonly node: NodeCluster;
  #archives: ProgramArchives | undefined;

  constructor(node: NodeCluster) {
    this.node = node;
  }

  get namespace(): string {
    return this.node.namespace;
  }

  /** Paths of the image's archives. */
  get archives(): ProgramArchives {
    if (!this.#archives) throw new Error('the images were not built');
    return this.#archives;
  }

  /** Standard output of helm, run as the administrator in the namespace of the test. */
  helm(...args: readonly string[]): Promise<string> {
    return runHelm(['--kubeconfig', this.node.kubeconfig, '--namespace', this.namespace, ...args]);
  }

  /** `helm install`, or `helm upgrade` of what is there, and waits until all replicas are ready. Returns what helm says. */
  put(verb: 'install' | 'upgrade', values: Values = {}): Promise<string> {
    const flags = ['--wait', '--timeout', '120s', '--values', '-'];
    const args = ['--kubeconfig', this.node.kubeconfig, '--namespace', this.namespace, verb, 'reloader', chartFolder];
    return runHelm([...args, ...flags], { input: JSON.stringify(values) });
  }

  /** Builds the images, and empties the cluster of the CRD: helm takes over none that somebody else applied, and other files did. */
  async prepare(): Promise<void> {
    const provision = inject('node');
    if ('missing' in provision) throw new Error('there is no node');
    await this.node.kubectl('delete', 'crd', 'configreloads.reload.leindex.io', '--ignore-not-found', '--wait');
    this.#archives = await ensureProgramImages(provision.cluster.folder);
  }
}

/** A `describe` on a real node whose image is built, and whose release, if its tests make one, is removed after them. */
export function describeHelm(name: string, body: (release: HelmRelease) => void): void {
  describeOnNode(name, (node) => {
    const release = new HelmRelease(node);
    beforeAll(() => release.prepare());
    afterAll(() => release.helm('uninstall', 'reloader', '--ignore-not-found'));
    body(release);
  });
}
