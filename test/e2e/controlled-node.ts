import type { V1Pod } from '@kubernetes/client-node';
import { beforeAll, inject } from 'vitest';
import { contentHash } from '../../src/core/content-hash.ts';
import type { ConfigReloadStatus } from '../../src/core/configreload.ts';
import { configReloadCrd } from '../../src/kube/crd.ts';
import type { Feature } from '../../src/kube/permissions.ts';
import { rbacObjects } from '../../src/kube/rbac.ts';
import { readReload, waitForReload } from '../cluster/config-reload.ts';
import { type ControllerProcess, startControllerOf } from '../cluster/controller-process.ts';
import { countRestarts } from '../cluster/pod-status.ts';
import { waitUntil } from '../cluster/wait-until.ts';
import { describeOnNode, type NodeCluster } from './describe-on-node.ts';

interface ControlledOptions {
  /** Rights beside those of `deploy/`. */
  readonly features?: readonly Feature[];
  /** More flags of the controller. */
  readonly args?: readonly string[];
}

/** A `describe` on a real node, whose namespace is watched by the real bundle with the rights of `deploy/` and no more. */
export function describeControlled(
  name: string,
  body: (on: ControlledNode) => void,
  options: ControlledOptions = {},
): void {
  describeOnNode(name, (node) => {
    const on = new ControlledNode(node, options);
    beforeAll(() => on.start());
    body(on);
  });
}

/** A node, the controller beside it, and what tests do with both. */
export class ControlledNode {
  readonly node: NodeCluster;
  #controller: ControllerProcess | undefined;
  readonly #options: ControlledOptions;
  #kubeconfig = '';

  constructor(node: NodeCluster, options: ControlledOptions) {
    this.node = node;
    this.#options = options;
  }

  get namespace(): string {
    return this.node.namespace;
  }

  get controller(): ControllerProcess {
    if (!this.#controller) throw new Error('the controller was not started');
    return this.#controller;
  }

  /** The user that the controller is. */
  get user(): string {
    return `system:serviceaccount:${this.namespace}:leindex-reloader`;
  }

  async start(): Promise<void> {
    const { namespace, node } = this;
    await node.apply(configReloadCrd as never);
    const features = ['core', 'signal', 'token-secret', ...(this.#options.features ?? [])] as const;
    for (const object of rbacObjects({ features, namespace, watched: [namespace] })) await node.apply(object as never);
    this.#kubeconfig = await node.serviceAccountKubeconfig({ namespace, name: 'leindex-reloader' });
    await this.startController();
  }

  async startController(): Promise<void> {
    const provision = inject('node');
    if ('missing' in provision) throw new Error('there is no node');
    const args = ['--namespace', this.namespace, ...(this.#options.args ?? [])];
    this.#controller = await startControllerOf(provision.program, this.#kubeconfig, ...args);
  }

  async apply(object: object): Promise<void> {
    await this.node.apply(object as never, this.namespace);
  }

  /** `kubectl apply`, as a person does it; the time when it was begun, milliseconds since 1970. */
  async applyByKubectl(object: object): Promise<number> {
    const begun = Date.now();
    await this.node.kubectlApply(JSON.stringify(object), '-n', this.namespace);
    return begun;
  }

  /** Applies the pods, and waits until they are ready. */
  async run(...pods: V1Pod[]): Promise<void> {
    for (const pod of pods) await this.apply(pod);
    for (const pod of pods) await this.node.waitForPod(pod.metadata!.name!);
  }

  reload(name: string): Promise<ConfigReloadStatus | undefined> {
    return readReload(this.node, this.namespace, name);
  }

  untilReload(name: string, isIt: (status: ConfigReloadStatus) => boolean): Promise<ConfigReloadStatus> {
    return waitForReload(this.node, { namespace: this.namespace, name }, isIt, 60_000);
  }

  untilApplied(name: string, text: string, podsReady: string): Promise<ConfigReloadStatus> {
    return this.untilReload(
      name,
      (status) => status.appliedHash === contentHash(text) && status.podsReady === podsReady,
    );
  }

  /** The lines of a pod's log, each with the time when the node got it, milliseconds since 1970. */
  async log(pod: string, container?: string): Promise<{ readonly at: number; readonly line: string }[]> {
    const { namespace } = this;
    const options = { namespace, name: pod, timestamps: true, ...(container ? { container } : {}) };
    const text = (await this.node.core.readNamespacedPodLog(options)) || '';
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const space = line.indexOf(' ');
        return { at: Date.parse(line.slice(0, space)), line: line.slice(space + 1) };
      });
  }

  /** What a pod was signalled, in order: `HUP <sha256 of the file as it was at that moment>`. */
  async signals(pod: string): Promise<string[]> {
    return (await this.log(pod)).map(({ line }) => line).filter((line) => /^(HUP|USR1) /.test(line));
  }

  async restarts(pod: string): Promise<number> {
    return countRestarts(await this.node.core.readNamespacedPod({ namespace: this.namespace, name: pod }));
  }

  async untilRestarted(pod: string, count: number): Promise<void> {
    await waitUntil({ what: `${pod} restarts`, check: async () => (await this.restarts(pod)) === count });
    await this.node.waitForPod(pod);
  }

  /** Until `kubectl describe` shows such an event; they are written after the status. */
  async untilEvent(kind: 'configmap' | 'pod', name: string, pattern: RegExp): Promise<void> {
    let shown = '';
    const check = async (): Promise<boolean> => {
      shown = (await this.node.kubectl('-n', this.namespace, 'describe', kind, name)).split('Events:')[1] ?? '';
      return pattern.test(shown);
    };
    await waitUntil({ what: `${kind} ${name} has an event like ${String(pattern)}`, timeoutMs: 15_000, check }).catch(
      (cause: unknown) => {
        throw new Error(`its events: ${shown}`, { cause });
      },
    );
  }

  /** The history of the manager in a pod, newest first, as the manager itself tells it. */
  async managerHistory(pod: string): Promise<{ readonly reason: string; readonly newHash: string }[]> {
    const { status } = await this.node.core.readNamespacedPod({ namespace: this.namespace, name: pod });
    const answer = await fetch(`http://${status!.podIP!}:8686/v1/history?limit=100`);
    return ((await answer.json()) as { events: { reason: string; newHash: string }[] }).events;
  }
}
