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
import { createKubeClient } from '../kube/kube-client.ts';
import { toPodView } from '../kube/pod-view.ts';
import { createPods } from '../kube/pods.ts';
import { resources } from '../kube/resources.ts';
import { createRevisions } from '../kube/revisions.ts';
import { createSources } from '../kube/sources.ts';
import { createWatchSource } from '../kube/watch-source.ts';
import { Controller } from '../runtime/controller.ts';
import { Reflector, type ReflectorHooks } from '../runtime/reflector.ts';
import { WorkQueue } from '../runtime/work-queue.ts';
import { startHealthServer } from './health-server.ts';
import { InFlight } from './in-flight.ts';
import { KnownConfigs } from './known-configs.ts';
import { createMetrics } from './metrics.ts';
import { PublishedIndex } from './published-index.ts';
import { PodWatches } from './pod-watches.ts';
import type { ClockPort, Ports } from './ports.ts';
import { type Operator, reconcile } from './reconcile.ts';
import { RetryBook } from './retry-book.ts';
import { configMapsOf, isRelevantChange, type SourceMark, toSourceMark } from './source-index.ts';

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
  readonly version: string;
}

/** What is under way may end in peace for this long after a stop, milliseconds. */
const GRACE_MS = 20_000;
/** A watch of which nothing was heard for so long is dead, milliseconds. */
const DEAD_WATCH_MS = 300_000;

/** Wires everything together and runs until `signal` aborts. Rejects where it cannot start. */
export async function runOperator(
  settings: OperatorSettings,
  { logger, signal }: { logger: Logger; signal: AbortSignal },
): Promise<void> {
  const client = createKubeClient({
    kubeconfig: settings.kubeconfig,
    userAgent: `leindex-reloader/${settings.version}`,
    logger,
  });
  const registry = new Registry();
  const metrics = createMetrics(registry);
  const validator = createBoundedValidator({ maxBytes: settings.maxConfigBytes });
  const endpoints = createEndpoints({ ca: settings.endpointCa });
  const events = new EventRecorder({ client, clock, logger, onDropped: metrics.eventDropped });
  const queue = new WorkQueue({ metrics: metrics.queue });

  const hooksFor = (resource: string): ReflectorHooks => ({
    listed: (objects) => logger.debug({ resource, objects }, 'listed'),
    failed: (failure, ms) =>
      logger.warn({ resource, kind: failure.kind, err: failure, retryInMs: Math.round(ms) }, 'watch failed'),
    handlerFailed: (error) => logger.error({ resource, err: error }, 'watch handler failed'),
  });

  const podWatches = new PodWatches(
    (namespace) =>
      new Reflector<PodView>({
        source: createWatchSource({ client, resource: resources.pods, namespace }),
        trim: toPodView,
        onChange: (_key, previous, current) => {
          if (isRelevantChange(previous, current)) wake(namespace, previous, current);
        },
        hooks: hooksFor('pods'),
      }),
    signal,
  );

  const ports: Ports = {
    sources: createSources(client),
    pods: createPods({ client, clock, cached: (namespace) => podWatches.inNamespace(namespace) }),
    reloads: createConfigReloads(client),
    revisions: createRevisions(client),
    signals: createSignals(() => client.kubeConfig),
    endpoints,
    events,
    metrics: metrics.port,
    validate: validator.validate,
    clock,
  };
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
  };

  const published = new PublishedIndex();
  const sourceWatches = (settings.namespaces.length === 0 ? [undefined] : settings.namespaces).map(
    (namespace) =>
      new Reflector<SourceMark>({
        source: createWatchSource({ client, resource: resources.configMaps, namespace, isMetadataOnly: true }),
        trim: toSourceMark,
        onChange: (key, previous, current) => {
          published.follow(key, previous?.publishTo, current?.publishTo);
          followNamespace(splitKey(key).namespace);
          queue.add(key);
          void operator.inFlight.notice(key);
        },
        hooks: hooksFor('configmaps'),
      }),
  );
  const sourceKeys = () => sourceWatches.flatMap(({ store }) => store.keys());

  function followNamespace(namespace: string): void {
    const isWanted = sourceKeys().some((key) => splitKey(key).namespace === namespace);
    if (isWanted) podWatches.want(namespace);
    else podWatches.release(namespace);
  }

  function wake(namespace: string, ...views: readonly (PodView | undefined)[]): void {
    const names = new Set(views.flatMap((view) => (view ? [...configMapsOf(view)] : [])));
    for (const name of names) {
      const key = `${namespace}/${name}`;
      if (sourceWatches.some(({ store }) => store.get(key))) queue.add(key);
      for (const source of published.sourcesOf(key)) queue.add(source);
    }
  }

  const controller = new Controller({
    queue,
    workers: settings.concurrency,
    reconcile: async (key, until) => {
      await podWatches.untilSynced(splitKey(key).namespace, until);
      return reconcile(key, operator, until);
    },
    hooks: {
      failed: (source, error, retryInMs) => logger.error({ source, err: error, retryInMs }, 'reconcile failed'),
    },
  });

  const watches = () => [...sourceWatches, ...podWatches.reflectors];
  const health = await startHealthServer(settings.listen, {
    registry,
    unhealthy: () => watches().find(({ silence }) => silence > DEAD_WATCH_MS)?.name,
    unready: () => (signal.aborted ? 'stopping' : watches().find(({ hasSynced }) => !hasSynced)?.name),
    refresh: () => {
      metrics.sources(sourceKeys().length);
      for (const { name, age } of watches()) metrics.watchAge(name, age / 1000);
    },
  });
  logger.info({ port: health.port, namespaces: settings.namespaces, strategies: settings.strategies }, 'started');

  try {
    const watching = sourceWatches.map((watch) => watch.run(signal));
    await controller.run({ stop: signal, graceMs: GRACE_MS });
    logger.info('stopping');
    await Promise.all(watching);
  } finally {
    await events.close(2_000);
    await Promise.all([health.close(), endpoints.close(), validator.close(), client.close()]);
    logger.info('stopped');
  }
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
