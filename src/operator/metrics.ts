import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { splitKey } from '../core/names.ts';
import { RELOAD_RESULTS } from '../core/reload-result.ts';
import type { MetricsPort } from './ports.ts';

const FAST = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];

/** The controller's metrics by their contract names; what is generic (queue, election, watches) is told by the runtime's hooks. */
export function createMetrics(registry: Registry) {
  const registers = [registry];
  const reloads = new Counter({
    name: 'leindex_reloader_reloads_total',
    help: 'Reloads of sources, by result.',
    labelNames: ['result'],
    registers,
  });
  const duration = new Histogram({
    name: 'leindex_reloader_reload_duration_seconds',
    help: 'From the change seen to the last target proven.',
    buckets: FAST,
    registers,
  });
  const podReloads = new Counter({
    name: 'leindex_reloader_pod_reloads_total',
    help: 'Reloads of targets.',
    labelNames: ['strategy', 'result'],
    registers,
  });
  const podDuration = new Histogram({
    name: 'leindex_reloader_pod_reload_duration_seconds',
    help: 'Reload of one target.',
    labelNames: ['strategy'],
    buckets: FAST,
    registers,
  });
  const propagation = new Histogram({
    name: 'leindex_reloader_propagation_seconds',
    help: 'From the change to the file proven in the container.',
    buckets: FAST,
    registers,
  });
  const sources = new Gauge({ name: 'leindex_reloader_sources', help: 'ConfigMaps that opted in.', registers });
  const perSource = ['namespace', 'configmap'] as const;
  const outOfSync = new Gauge({
    name: 'leindex_reloader_out_of_sync_pods',
    help: 'Targets that do not run the text of their source.',
    labelNames: perSource,
    registers,
  });
  const successful = new Gauge({
    name: 'leindex_reloader_last_reload_successful',
    help: '1 where the last reload of the source succeeded.',
    labelNames: perSource,
    registers,
  });
  const successTime = new Gauge({
    name: 'leindex_reloader_last_reload_success_timestamp_seconds',
    help: 'When a reload of the source last succeeded.',
    labelNames: perSource,
    registers,
  });
  const watchAge = new Gauge({
    name: 'leindex_reloader_watch_age_seconds',
    help: 'Since anything was last heard of the watch; of several of one resource, the longest.',
    labelNames: ['resource'],
    registers,
  });
  const depth = new Gauge({ name: 'workqueue_depth', help: 'Keys that wait for a worker.', registers });
  const adds = new Counter({ name: 'workqueue_adds_total', help: 'Keys added.', registers });
  const queued = new Histogram({
    name: 'workqueue_queue_duration_seconds',
    help: 'From added to taken by a worker.',
    buckets: FAST,
    registers,
  });
  const worked = new Histogram({
    name: 'workqueue_work_duration_seconds',
    help: 'Work on one key.',
    buckets: FAST,
    registers,
  });
  const leader = new Gauge({
    name: 'leader_election_master_status',
    help: '1 where this replica leads.',
    labelNames: ['name'],
    registers,
  });
  const dropped = new Counter({
    name: 'leindex_reloader_events_dropped_total',
    help: 'Kubernetes Events that could not be written.',
    registers,
  });
  for (const result of RELOAD_RESULTS) reloads.inc({ result }, 0);

  const labelsOf = (key: string) => {
    const { namespace, name } = splitKey(key);
    return { namespace, configmap: name };
  };
  const port: MetricsPort = {
    reloadConcluded(result, seconds) {
      reloads.inc({ result });
      duration.observe(seconds);
    },
    targetConcluded(strategy, result, seconds) {
      podReloads.inc({ strategy, result });
      podDuration.observe({ strategy }, seconds);
    },
    fileProven: (seconds) => propagation.observe(seconds),
    sourceState(key, state) {
      outOfSync.set(labelsOf(key), state.outOfSync);
      successful.set(labelsOf(key), state.isSuccessful ? 1 : 0);
      if (state.successTime !== '') successTime.set(labelsOf(key), Date.parse(state.successTime) / 1000);
    },
    forgetSource(key) {
      for (const gauge of [outOfSync, successful, successTime]) gauge.remove(labelsOf(key));
    },
  };
  return {
    port,
    queue: {
      depth: (length: number) => depth.set(length),
      added: () => adds.inc(),
      started: (seconds: number) => queued.observe(seconds),
      finished: (seconds: number) => worked.observe(seconds),
      retried: () => undefined,
    },
    sources: (count: number) => sources.set(count),
    /** Of each resource the oldest, whatever namespaces are watched: their names would be a label without bound. */
    watchAges(watches: readonly { readonly name: string; readonly age: number }[]) {
      watchAge.reset();
      const ages = Map.groupBy(watches, ({ name }) => name.split(' ')[0] ?? name);
      for (const [resource, ofIt] of ages) watchAge.set({ resource }, Math.max(...ofIt.map(({ age }) => age)) / 1000);
    },
    leads: (isLeader: boolean) => leader.set({ name: 'leindex-reloader' }, isLeader ? 1 : 0),
    eventDropped: () => dropped.inc(),
  };
}
