import { setImmediate } from 'node:timers/promises';
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

/** Something that happens at the `at`-th effect of a reconcile. */
export interface Interruption {
  at: number;
  readonly act: () => void;
}

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
  /** `fails`: refuses, and runs what it ran. `dies`: ends at the signal; an endpoint takes the text, and its answer is lost. */
  mode: 'well' | 'fails' | 'dies';
  /** The watch does not know yet that the container has restarted. */
  isUnseen: boolean;
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
  /** What pods mount under `publish-to`; undefined: not published yet. */
  published: string | undefined;
  /** A seeded fault of the implementation: the checker must see it. */
  sabotage: (ports: Ports, world: World) => Ports = (ports) => ports;
  /** What the controller's log warned of. */
  readonly warnings: object[] = [];
  readonly revisions = new Map<number, Revision>();
  #version = 1;
  #sourceVersion = 1;
  #time = Date.parse('2026-11-24T10:00:00Z');
  #serial = 0;
  #crashAt = Infinity;
  #interruption: Interruption | undefined;
  #inFlight: InFlight | undefined;
  #isDead = false;
  /** What a controller remembers, until it dies. */
  #lookedAt = new Set<string>();

  edit(text: string): void {
    this.text = text;
    this.texts.push(text);
    this.#sourceVersion += 1;
  }

  wait(ms: number): void {
    this.#time += ms;
  }

  /** The watch tells the rollout under way that the source has changed. */
  async notice(): Promise<void> {
    await this.#inFlight?.notice('ns/cfg');
  }

  annotate(name: string, value: string | undefined): void {
    const key = `reload.leindex.io/${name}`;
    const { [key]: _before, ...rest } = this.annotations;
    this.annotations = value === undefined ? rest : { ...rest, [key]: value };
    this.#sourceVersion += 1;
  }

  /** What the kubelet shows in the pods; undefined: nothing yet, so that no container starts. */
  get mounted(): string | undefined {
    return this.#isPublishing ? this.published : this.text;
  }

  get #isPublishing(): boolean {
    return 'reload.leindex.io/publish-to' in this.annotations;
  }

  addPod(kind: ModelPod['kind']): void {
    if (this.mounted === undefined) return;
    const name = `p${this.#serial++}`;
    const hash = contentHash(this.mounted);
    const address = `10.0.0.${this.#serial}`;
    this.pods.set(name, {
      name,
      address,
      kind,
      instance: 0,
      running: hash,
      file: hash,
      mode: 'well',
      isUnseen: false,
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

  /**
   * Reconciles once; the controller dies at its `crashAt`-th effect, and at another one somebody interrupts.
   * True: it wants to look again.
   */
  async reconcileOnce(crashAt = Infinity, interruption?: Interruption): Promise<boolean> {
    this.#crashAt = crashAt;
    this.#interruption = interruption && { ...interruption };
    const late = [...this.pods.values()].filter(({ isUnseen }) => isUnseen);
    this.#isDead = false;
    this.#time += 5_000;
    const ports = this.sabotage(this.#ports(), this);
    const inFlight = new InFlight(ports.sources);
    this.#inFlight = inFlight;
    const operator: Operator = {
      ports,
      logger: { info() {}, warn: (what: object) => this.warnings.push(what), error() {}, debug() {} } as never,
      addresses: { allowed: [], isHostNetworkAllowed: false },
      strategies: ['endpoint', 'signal'],
      podConcurrency: 1,
      soakMs: 10,
      inFlight,
      knownConfigs: new KnownConfigs(ports),
      retries: new RetryBook(),
      lookedAt: this.#lookedAt,
    };
    try {
      const action = await reconcile('ns/cfg', operator, never);
      const isOutdated = late.length > 0 || [...this.pods.values()].some(({ isUnseen }) => isUnseen);
      return this.#hasDied() || isOutdated || action.kind === 'requeueAfter';
    } catch (error) {
      if (!(error instanceof Crash) && (error as { kind?: string }).kind !== 'Conflict') throw error;
      return true;
    } finally {
      if (this.#hasDied()) this.#lookedAt = new Set();
      for (const pod of late) pod.isUnseen = false;
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
    this.#interrupt();
    this.#maybeDie('after');
    return result;
  }

  #interrupt(): void {
    const interruption = this.#interruption;
    if (!interruption) return;
    interruption.at -= 1;
    if (interruption.at !== 0) return;
    interruption.act();
    void this.notice();
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

  #view(pod: ModelPod, instance = pod.instance) {
    const builder = podBuilder(pod.name)
      .mounting(this.#isPublishing ? 'live' : 'cfg')
      .annotated(pod.annotations);
    builder.status['podIP'] = pod.address;
    if (pod.kind === 'endpoint') builder.withPort('leindex-reload', 8686);
    return toPodView(builder.running({ id: `containerd://${pod.name}-${instance}` }).raw());
  }

  #views() {
    return [...this.pods.values()].map((pod) => this.#view(pod, pod.instance - (pod.isUnseen ? 1 : 0)));
  }

  /** The signal ends it; it starts again with the file, and the watch is late. */
  #die(pod: ModelPod): void {
    this.restart(pod);
    pod.isUnseen = true;
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
        sleep: async (ms, signal) => {
          await setImmediate(); // what is answered at once is answered before
          signal.throwIfAborted();
          this.#time += ms;
        },
      },
      sources: {
        read: () => Promise.resolve(this.#source()),
        readToken: () => Promise.resolve('missing'),
        restore: (source, { content }) => {
          if (source.resourceVersion !== String(this.#sourceVersion)) return Promise.reject(conflict());
          this.#effect(() => this.edit(Buffer.from(content).toString()));
          return Promise.resolve('restored');
        },
        publish: (_source, { content }) => {
          const text = Buffer.from(content).toString();
          if (this.published === text) return Promise.resolve('unchanged');
          this.#effect(() => (this.published = text));
          return Promise.resolve('published');
        },
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
          if (pod) this.#effect(() => (pod.file = contentHash(this.mounted ?? '')));
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
          if (pod.mode === 'fails') return Promise.resolve(fail('SignalNotHandled'));
          if (pod.file !== hash) return Promise.resolve(fail('PropagationTimeout'));
          if (!target.record && !isForced && pod.running === hash)
            return Promise.resolve(ok('StartedWithConfig', hash));
          if (pod.mode === 'dies') {
            this.#effect(() => this.#die(pod));
            return Promise.resolve(fail('ProcessCrashed'));
          }
          this.#effect(() => this.#run(pod, pod.file));
          return Promise.resolve(ok('SignalDelivered', hash));
        },
      },
      endpoints: {
        attempt: ({ channel, hash, isForced, content }) => {
          const pod = [...this.pods.values()].find(({ address }) => address === channel.host);
          if (!pod || pod.mode === 'fails') return Promise.resolve(fail('EndpointFailed'));
          if (contentHash(content) !== hash) throw new Error('the text is not the one that its hash names');
          if (pod.mode === 'dies') {
            if (pod.running !== hash) this.#effect(() => this.#run(pod, hash));
            return Promise.resolve(fail('EndpointTimeout'));
          }
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
