import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import { Registry } from 'prom-client';
import type { AddressRules } from '../core/address-rules.ts';
import { splitKey } from '../core/names.ts';
import type { PodView } from '../core/pod-view.ts';
import { createBoundedValidator } from '../gate/bounded-validator.ts';
import { createConfigReloads } from '../kube/config-reloads.ts';
import { EventRecorder } from '../kube/events.ts';
import { createSignals } from '../kube/exec-signal.ts';
import { createEndpoints } from '../kube/http-reload.ts';
import { isCrdServed } from '../kube/crd-presence.ts';
import { createKubeClient, type KubeClient } from '../kube/kube-client.ts';
import { createLeaseClient } from '../kube/lease-client.ts';
import { toPodView } from '../kube/pod-view.ts';
import { createPods } from '../kube/pods.ts';
import { resources } from '../kube/resources.ts';
import { createRevisions } from '../kube/revisions.ts';
import { listSettledReloads } from '../kube/settled-reloads.ts';
import { createSources } from '../kube/sources.ts';
import { createWatchSource } from '../kube/watch-source.ts';
import { Controller } from '../runtime/controller.ts';
import { LeaderElector, LeaseLostError } from '../runtime/leader-elector.ts';
import { PresenceWatch } from '../runtime/presence-watch.ts';
import { awaitChange } from '../runtime/reconciler.ts';
import { Reflector, type ReflectorHooks } from '../runtime/reflector.ts';
import { WorkQueue } from '../runtime/work-queue.ts';
import { fencePorts } from './fence-ports.ts';
import { startHealthServer } from './health-server.ts';
import { InFlight } from './in-flight.ts';
import { KnownConfigs } from './known-configs.ts';
import { createMetrics } from './metrics.ts';
import { PublishedIndex } from './published-index.ts';
import { PodWatches } from './pod-watches.ts';
import type { ClockPort, Ports } from './ports.ts';
import { type Operator, reconcile } from './reconcile.ts';
import { RetryBook } from './retry-book.ts';
import { SettledSources } from './settled-sources.ts';
import { configMapsOf, isRelevantChange, type SourceMark, toSourceMark } from './source-index.ts';
import { SourceWatches } from './source-watches.ts';

export interface OperatorSettings {
  readonly kubeconfig: string | undefined;
  /** Namespaces to work in; empty: all. */
  readonly namespaces: readonly string[];
  readonly listen: { readonly host: string; readonly port: number };
  readonly strategies: readonly ('endpoint' | 'signal')[];
  /** Sources worked on at the same time. */
  readonly concurrency: number;
  /** Targets of one source worked on at the same time. */
  readonly podConcurrency: number;
  readonly addresses: AddressRules;
  /** How long canaries are watched before the rest follows, milliseconds. */
  readonly soakMs: number;
  readonly maxConfigBytes: number;
  /** PEM bundle that endpoint certificates are checked against. */
  readonly endpointCa: string | undefined;
  /** One of several replicas acts, by the Lease of this name; undefined: this is the only one. */
  readonly election:
    { readonly leaseName: string; /** Default: the pod's own. */ readonly namespace: string | undefined } | undefined;
  readonly version: string;
}

/** What is under way may end in peace for this long after a stop, milliseconds. */
const GRACE_MS = 20_000;
/** A watch of which nothing was heard for so long is dead, milliseconds. */
const DEAD_WATCH_MS = 300_000;

/** No reconcile that fails waits longer for its next try, milliseconds: what was wrong may have been the API server alone. */
const LONGEST_BACKOFF_MS = 60_000;

export interface RunContext {
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** What else is not ready yet; undefined where all is. */
  readonly unready?: () => string | undefined;
}

/**
 * Wires everything together and runs until `signal` aborts. Rejects where it cannot start, and with a LeaseLostError
 * where another replica may lead now: then the process must end.
 */
export async function runOperator(settings: OperatorSettings, { logger, signal, unready }: RunContext): Promise<void> {
  const client = createKubeClient({
    kubeconfig: settings.kubeconfig,
    userAgent: `leindex-reloader/${settings.version}`,
    logger,
  });
  const registry = new Registry();
  const metrics = createMetrics(registry);
  const validator = createBoundedValidator({ maxBytes: settings.maxConfigBytes });
  const events = new EventRecorder({ client, clock, logger, onDropped: metrics.eventDropped });
  const queue = new WorkQueue({ metrics: metrics.queue, maxDelayMs: LONGEST_BACKOFF_MS });
  const ended = new AbortController();
  const watching = AbortSignal.any([signal, ended.signal]);
  const elector = settings.election && createElector(settings.election, { client, logger, onLead: metrics.leads });
  const assertMayAct = () => {
    if (elector && !elector.isLeading) throw new LeaseLostError('the lease is not held any more');
  };
  const endpoints = createEndpoints({
    addresses: settings.addresses,
    ca: settings.endpointCa,
    ...(elector ? { assertMayAct } : {}),
  });

  const hooksFor = (resource: string): ReflectorHooks => ({
    listed: (objects) => logger.debug({ resource, objects }, 'listed'),
    failed: (failure, ms) =>
      logger.warn({ resource, kind: failure.kind, err: failure, retryInMs: Math.round(ms) }, 'watch failed'),
    handlerFailed: (error) => logger.error({ resource, err: error }, 'watch handler failed'),
  });

  const podWatches = new PodWatches(
    (namespace, follow) =>
      new Reflector<PodView>({
        source: createWatchSource({ client, resource: resources.pods, namespace }),
        trim: toPodView,
        onChange: (key, previous, current) => {
          follow(key, previous, current);
          if (isRelevantChange(previous, current)) wake(namespace, previous, current);
        },
        hooks: hooksFor('pods'),
      }),
    watching,
  );

  const crd = new PresenceWatch({
    isThere: (until) => isCrdServed(client, until),
    onReturn: () => sources.keys().forEach((key) => queue.add(key)),
  });
  const open: Ports = {
    sources: createSources(client),
    pods: createPods({ client, clock, cached: podWatches }),
    reloads: createConfigReloads(client, () => crd.miss()),
    revisions: createRevisions(client),
    signals: createSignals(() => client.kubeConfig),
    endpoints,
    events,
    metrics: metrics.port,
    validate: validator.validate,
    clock,
  };
  const ports = elector ? fencePorts(open, assertMayAct) : open;
  const operator: Operator = {
    ports,
    logger,
    addresses: settings.addresses,
    strategies: settings.strategies,
    podConcurrency: settings.podConcurrency,
    soakMs: settings.soakMs,
    inFlight: new InFlight(ports.sources),
    knownConfigs: new KnownConfigs(ports),
    retries: new RetryBook(),
    lookedAt: new Set(),
  };

  const published = new PublishedIndex();
  const sources = new SourceWatches({
    namespaces: settings.namespaces,
    create: (namespace, onChange) =>
      new Reflector<SourceMark>({
        source: createWatchSource({ client, resource: resources.configMaps, namespace, isMetadataOnly: true }),
        trim: toSourceMark,
        onChange,
        hooks: hooksFor('configmaps'),
      }),
    onChange: (key, previous, current) => {
      const { namespace } = splitKey(key);
      published.follow(key, previous?.publishTo, current?.publishTo);
      if (sources.hasSourcesIn(namespace)) podWatches.want(namespace);
      else podWatches.release(namespace);
      queue.add(key);
      void operator.inFlight.notice(key);
    },
  });

  function wake(namespace: string, ...views: readonly (PodView | undefined)[]): void {
    const names = new Set(views.flatMap((view) => (view ? [...configMapsOf(view)] : [])));
    for (const name of names) {
      const key = `${namespace}/${name}`;
      if (sources.get(key)) queue.add(key);
      for (const source of published.sourcesOf(key)) queue.add(source);
    }
  }

  let settled = new SettledSources(new Map());
  const awaitingPods = new Set<string>();
  const controller = new Controller({
    queue,
    workers: settings.concurrency,
    reconcile: async (key, until) => {
      const { namespace, name } = splitKey(key);
      // Sources of a namespace whose pods cannot be listed wait without holding a worker.
      const sync = podWatches.awaitsSync(namespace);
      if (sync) {
        awaitingPods.add(key);
        void sync.then(() => awaitingPods.delete(key) && queue.add(key));
        return awaitChange();
      }
      awaitingPods.delete(key); // its first look is this one
      const rest = settled.take(key, sources.get(key), podWatches.usersOf(namespace, name));
      if (rest) {
        operator.lookedAt.add(key);
        metrics.port.sourceState(key, { outOfSync: 0, isSuccessful: true, successTime: rest.time });
        return awaitChange();
      }
      return reconcile(key, operator, until);
    },
    hooks: {
      failed: (source, error, retryInMs) => logger.error({ source, err: error, retryInMs }, 'reconcile failed'),
    },
  });

  const watches = () => [...sources.reflectors, ...podWatches.reflectors];
  const health = await startHealthServer(settings.listen, {
    registry,
    unhealthy: () => watches().find(({ silence }) => silence > DEAD_WATCH_MS)?.name,
    unready: () => {
      if (signal.aborted) return 'stopping';
      if (crd.state !== 'there') return 'the CRD of ConfigReloads is not installed in this version';
      return watches().find(({ hasSynced }) => !hasSynced)?.name ?? unready?.();
    },
    refresh: () => {
      metrics.sources(sources.size);
      metrics.watchAges(watches());
    },
  });
  logger.info({ port: health.port, namespaces: settings.namespaces, strategies: settings.strategies }, 'started');

  /** What is settled is found out first, and left alone. */
  async function work(lost?: AbortSignal): Promise<void> {
    const until = lost ? AbortSignal.any([signal, lost]) : signal;
    await Promise.race([sources.untilAnswered(), whenAborted(until)]);
    settled = new SettledSources(await findSettled(until));
    await controller.run({ stop: signal, graceMs: GRACE_MS, abort: lost });
  }

  async function findSettled(until: AbortSignal): ReturnType<typeof listSettledReloads> {
    if (sources.size === 0 || until.aborted) return new Map();
    try {
      return await listSettledReloads(client, settings.namespaces, until);
    } catch (err) {
      logger.warn({ err }, 'what is settled cannot be listed; each source is looked at');
      return new Map();
    }
  }

  // Its default ends the process; there is nothing to read again, since credentials and certificates are followed by themselves.
  const onHangup = () => logger.info('SIGHUP does nothing here');
  process.on('SIGHUP', onHangup);
  const runs = [crd, ...sources.reflectors].map((watch) => watch.run(watching));
  try {
    if (elector) await elector.run(signal, work);
    else await work();
    logger.info('stopping');
  } finally {
    ended.abort();
    await Promise.all(runs);
    await events.close(2_000);
    process.off('SIGHUP', onHangup);
    await Promise.all([health.close(), endpoints.close(), validator.close(), client.close()]);
    logger.info('stopped');
  }
}

function createElector(
  { leaseName, namespace }: NonNullable<OperatorSettings['election']>,
  { client, logger, onLead }: { client: KubeClient; logger: Logger; onLead: (isLeading: boolean) => void },
): LeaderElector {
  const { kubeConfig } = client;
  const own = kubeConfig.getContextObject(kubeConfig.getCurrentContext())?.namespace;
  const place = { namespace: namespace ?? own ?? 'default', name: leaseName };
  const identity = `${hostname()}_${randomUUID()}`;
  onLead(false);
  return new LeaderElector({
    lease: createLeaseClient(client, place),
    identity,
    hooks: {
      changed: (isLeading) => {
        onLead(isLeading);
        logger.info({ lease: place, identity }, isLeading ? 'leads' : 'leads no longer');
      },
      observed: (holder) => logger.info({ lease: place, holder }, 'lease observed'),
      failed: (err) => logger.warn({ lease: place, err }, 'lease cannot be read or written'),
    },
  });
}

function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

const clock: ClockPort = {
  now: () => new Date(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const onAbort = () => {
        clearTimeout(timer);
        reject(signal.reason as Error);
      };
      const timer = setTimeout(() => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      }, ms);
      signal.addEventListener('abort', onAbort, { once: true });
    }),
};
