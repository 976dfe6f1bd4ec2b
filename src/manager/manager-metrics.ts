import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { ReloadEvent } from '../core/reload-event.ts';
import { RELOAD_RESULTS } from '../core/reload-result.ts';
import type { Running } from './reload-work.ts';

/** The manager's metrics (contract, section 8). Pass `countEvent` and `countObserverFailure` to the manager. */
export interface ManagerMetrics {
  readonly registry: Registry;
  readonly countEvent: (event: ReloadEvent) => void;
  /** What runs after the start, null where nothing does: sets the state without counting a reload. */
  readonly showLoaded: (running: Pick<Running, 'hash' | 'since'> | null) => void;
  readonly countObserverFailure: (kind: 'threw' | 'timeout') => void;
  readonly countNotification: (outcome: 'delivered' | 'failed' | 'dropped') => void;
}

/** Registers the metrics. @throws where the registry has them already. */
export function createManagerMetrics(registry: Registry = new Registry()): ManagerMetrics {
  const registers = [registry];
  const reloads = new Counter({
    name: 'leindex_config_reloads_total',
    help: 'Reloads of the configuration file, by result; refused calls included.',
    labelNames: ['result'],
    registers,
  });
  for (const result of RELOAD_RESULTS) reloads.inc({ result }, 0);
  const lastSuccessful = new Gauge({
    name: 'leindex_config_last_reload_successful',
    help: '1 where the last reload that was tried, or the first load, succeeded, else 0.',
    registers,
  });
  const lastSuccessTime = new Gauge({
    name: 'leindex_config_last_reload_success_timestamp_seconds',
    help: 'When the last successful reload, or first load, ended, seconds since 1970; 0 before the first.',
    registers,
  });
  const hashInfo = new Gauge({
    name: 'leindex_config_hash_info',
    help: '1, labelled with the hash of the text that runs.',
    labelNames: ['hash'],
    registers,
  });
  const duration = new Histogram({
    name: 'leindex_config_reload_duration_seconds',
    help: 'How long a reload took from being asked for to the last observer; refused calls left out.',
    buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30],
    registers,
  });
  const observerFailures = new Counter({
    name: 'leindex_config_observer_failures_total',
    help: 'Observers that threw or did not end in time.',
    labelNames: ['kind'],
    registers,
  });
  const notifications = new Counter({
    name: 'leindex_config_notifications_total',
    help: 'Webhook notifications: delivered, given up, or dropped from a full queue.',
    labelNames: ['outcome'],
    registers,
  });

  const showHash = (hash: string) => {
    hashInfo.reset();
    hashInfo.set({ hash }, 1);
  };
  return Object.freeze<ManagerMetrics>({
    registry,
    countEvent: (event) => {
      reloads.inc({ result: event.result });
      // A refused call tried nothing, and must not raise an alert.
      if (event.result === 'already_in_progress') return;
      duration.observe(event.durationMs / 1000);
      lastSuccessful.set(event.result === 'success' ? 1 : 0);
      if (event.result !== 'success') return;
      lastSuccessTime.set(Date.parse(event.timestamp) / 1000);
      showHash(event.newHash);
    },
    showLoaded: (running) => {
      lastSuccessful.set(running ? 1 : 0);
      if (!running) return;
      // An alert on the age must not count from 1970 where no reload was ever due.
      lastSuccessTime.set(Date.parse(running.since) / 1000);
      showHash(running.hash);
    },
    countObserverFailure: (kind) => observerFailures.inc({ kind }),
    countNotification: (outcome) => notifications.inc({ outcome }),
  });
}
