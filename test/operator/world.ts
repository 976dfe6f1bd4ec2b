import { contentHash } from '../../src/core/content-hash.ts';
import type { ConfigReloadStatus } from '../../src/core/configreload.ts';
import { validateConfig } from '../../src/core/validate-config.ts';
import { InFlight } from '../../src/operator/in-flight.ts';
import { KnownConfigs } from '../../src/operator/known-configs.ts';
import type { AttemptResult, Ports, Revision, Source } from '../../src/operator/ports.ts';
import { type Operator, reconcile } from '../../src/operator/reconcile.ts';
import { RetryBook } from '../../src/operator/retry-book.ts';
import { toPodView } from '../../src/kube/pod-view.ts';
import { formatRecord, recordAnnotation } from '../../src/core/target-record.ts';
import { pod as podBuilder } from '../fixtures/pod-builder.ts';

/** The controller died here. */
export class Crash extends Error {}

/** One process in one pod of the model. */
export interface ModelPod {
  readonly name: string;
  readonly address: string;
  readonly kind: 'endpoint' | 'signal';
  instance: number;
  /** Hash of the text that the process runs. */
  running: string;
  /** Hash of the file in the container. */
  file: string;
  isFailing: boolean;
  annotations: Record<string, string>;
  /** Everything the process came to run in this life, in order. */
  ledger: string[];
}

const never = new AbortController().signal;

/**
 * A world without time and network: sources, pods and stored objects as the controller's ports show them. The controller can die
 * before or after any call that changes something.
 */
export class World {
  text = '';
  annotations: Record<string, string> = { 'reload.leindex.io/enabled': 'true' };
  pods = new Map<string, ModelPod>();
  status: Partial<ConfigReloadStatus> | undefined;
  writes = 0;
  /** Every text that the source ever had, in order. */
  readonly texts: string[] = [];
  readonly revisions = new Map<number, Revision>();
  #version = 1;
  #sourceVersion = 1;
  #time = Date.parse('2026-11-24T10:00:00Z');
  #serial = 0;
  #crashAt = Infinity;
  #isDead = false;

  edit(text: string): void {
    this.text = text;
    this.texts.push(text);
    this.#sourceVersion += 1;
  }

  annotate(name: string, value: string | undefined): void {
    const key = `reload.leindex.io/${name}`;
    const { [key]: _before, ...rest } = this.annotations;
    this.annotations = value === undefined ? rest : { ...rest, [key]: value };
    this.#sourceVersion += 1;
  }

  addPod(kind: ModelPod['kind']): void {
    const name = `p${this.#serial++}`;
    const hash = contentHash(this.text);
    const address = `10.0.0.${this.#serial}`;
    this.pods.set(name, {
      name,
      address,
      kind,
      instance: 0,
      running: hash,
      file: hash,
      isFailing: false,
      annotations: {},
      ledger: [hash],
    });
  }

  /** The container starts anew, with the file as the kubelet has it. */
  restart(pod: ModelPod): void {
    pod.instance += 1;
    pod.running = pod.file;
    pod.ledger = [pod.file];
  }

  /** Reconciles once; the controller dies at its `crashAt`-th effect. True: it wants to look again. */
  async reconcileOnce(crashAt = Infinity): Promise<boolean> {
    this.#crashAt = crashAt;
    this.#isDead = false;
    this.#time += 5_000;
    const ports = this.#ports();
    const operator: Operator = {
      ports,
      logger: { info() {}, warn() {}, error() {}, debug() {} } as never,
      addresses: { allowed: [], isHostNetworkAllowed: false },
      strategies: ['endpoint', 'signal'],
      podConcurrency: 1,
      soakMs: 10,
      inFlight: new InFlight(ports.sources),
      knownConfigs: new KnownConfigs(ports),
      retries: new RetryBook(),
    };
    try {
      const action = await reconcile('ns/cfg', operator, never);
      return this.#hasDied() || action.kind === 'requeueAfter';
    } catch (error) {
      if (!(error instanceof Crash) && (error as { kind?: string }).kind !== 'Conflict') throw error;
      return true;
    }
  }

  /** Until the controller has nothing more to do. What fails is tried again for ever: then it need not come to rest. */
  async settle(mustRest: boolean): Promise<void> {
    for (let round = 0; round < 30; round++) {
      const before = this.writes;
      if (!(await this.reconcileOnce()) && this.writes === before) return;
    }
    if (mustRest) throw new Error(`it never comes to rest: ${JSON.stringify(this.status)}`);
  }

  /** An effect on the world: the controller may die before it, or after it; the dead do nothing more. */
  #effect<T>(change: () => T): T {
    this.#maybeDie('before');
    const result = change();
    this.writes += 1;
    this.#maybeDie('after');
    return result;
  }

  #hasDied(): boolean {
    return this.#isDead;
  }

  #maybeDie(when: string): void {
    this.#crashAt -= 1;
    if (this.#crashAt === 0) this.#isDead = true;
    if (this.#isDead) throw new Crash(when);
  }

  #source(): Source {
    return {
      namespace: 'ns', name: 'cfg', uid: 'source', resourceVersion: String(this.#sourceVersion), annotations: this.annotations,
      isTerminating: false, isImmutable: false, author: 'test', data: { 'mcp.yaml': this.text },
    }; // prettier-ignore
  }

  #view(pod: ModelPod) {
    const builder = podBuilder(pod.name).mounting('cfg').annotated(pod.annotations);
    builder.status['podIP'] = pod.address;
    if (pod.kind === 'endpoint') builder.withPort('leindex-reload', 8686);
    return toPodView(builder.running({ id: `containerd://${pod.name}-${pod.instance}` }).raw());
  }

  #views() {
    return [...this.pods.values()].map((pod) => this.#view(pod));
  }

  #run(pod: ModelPod, hash: string): void {
    pod.running = hash;
    pod.ledger.push(hash);
  }

  #ports(): Ports {
    const ok = (reason: AttemptResult['reason'], hash: string): AttemptResult => ({ reason, message: '', hash });
    const fail = (reason: AttemptResult['reason']): AttemptResult => ({ reason, message: 'fails', hash: null });
    const conflict = () => Object.assign(new Error('conflict'), { kind: 'Conflict' });
    return {
      validate: (content) => Promise.resolve(validateConfig(content)),
      clock: {
        now: () => new Date(this.#time),
        monotonic: () => this.#time,
        sleep: (ms) => {
          this.#time += ms;
          return Promise.resolve();
        },
      },
      sources: {
        read: () => Promise.resolve(this.#source()),
        readToken: () => Promise.resolve(undefined),
        restore: (source, { content }) => {
          if (source.resourceVersion !== String(this.#sourceVersion)) return Promise.reject(conflict());
          this.#effect(() => this.edit(Buffer.from(content).toString()));
          return Promise.resolve();
        },
        publish: () => Promise.resolve('unchanged'),
      },
      pods: {
        inNamespace: () => this.#views(),
        usersOf: () => this.#views(),
        read: ({ pod: name }) => {
          const pod = this.pods.get(name);
          return Promise.resolve(pod && this.#view(pod));
        },
        nudge: ({ pod: name }) => {
          const pod = this.pods.get(name);
          if (pod) this.#effect(() => (pod.file = contentHash(this.text)));
          return Promise.resolve(pod !== undefined);
        },
        record: (target, { source, hash, request }) => {
          const pod = this.pods.get(target.pod);
          if (!pod) return Promise.resolve(false);
          const record = { hash, containerId: target.running.containerId, request };
          this.#effect(() => (pod.annotations[recordAnnotation(source, 'app')] = formatRecord(record, source, 'app')));
          return Promise.resolve(true);
        },
        evict: () => Promise.resolve('gone'),
      },
      reloads: {
        read: () =>
          Promise.resolve(
            this.status && {
              uid: 'reload',
              resourceVersion: String(this.#version),
              generation: 1,
              ownerUid: 'source',
              status: this.status,
            },
          ),
        create: () => {
          this.#effect(() => (this.status = {}));
          return Promise.resolve({
            uid: 'reload',
            resourceVersion: String(this.#version),
            generation: 1,
            ownerUid: 'source',
            status: {},
          });
        },
        adopt: (_source, stored) => Promise.resolve(stored),
        writeStatus: (_key, stored, status) => {
          if (stored.resourceVersion !== String(this.#version)) return Promise.reject(conflict());
          this.#effect(() => {
            this.status = JSON.parse(JSON.stringify(status)) as ConfigReloadStatus;
            this.#version += 1;
          });
          return Promise.resolve({ ...stored, resourceVersion: String(this.#version), status });
        },
      },
      revisions: {
        save: (_source, _owner, revision) => {
          if (!this.revisions.has(revision.revision))
            this.#effect(() => this.revisions.set(revision.revision, revision));
          return Promise.resolve();
        },
        read: (_key, number) => Promise.resolve(this.revisions.get(number)),
        prune: () => Promise.resolve(),
      },
      signals: {
        attempt: ({ target, hash, isForced }) => {
          const pod = this.pods.get(target.pod)!;
          if (pod.isFailing) return Promise.resolve(fail('SignalNotHandled'));
          if (pod.file !== hash) return Promise.resolve(fail('PropagationTimeout'));
          if (!target.record && !isForced && pod.running === hash)
            return Promise.resolve(ok('StartedWithConfig', hash));
          this.#effect(() => this.#run(pod, pod.file));
          return Promise.resolve(ok('SignalDelivered', hash));
        },
      },
      endpoints: {
        attempt: ({ channel, hash, isForced, content }) => {
          const pod = [...this.pods.values()].find(({ address }) => address === channel.host);
          if (!pod || pod.isFailing) return Promise.resolve(fail('EndpointFailed'));
          if (contentHash(content) !== hash) throw new Error('the text is not the one that its hash names');
          if (pod.running === hash && !isForced) return Promise.resolve(ok('AlreadyCurrent', hash));
          this.#effect(() => this.#run(pod, hash));
          return Promise.resolve(ok('EndpointConfirmed', hash));
        },
      },
      events: { announce: () => undefined },
      metrics: {
        reloadConcluded: () => undefined,
        targetConcluded: () => undefined,
        fileProven: () => undefined,
        sourceState: () => undefined,
        forgetSource: () => undefined,
      },
    };
  }
}
