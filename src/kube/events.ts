import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import { FIELD_MANAGER, REPORTING_CONTROLLER } from '../core/names.ts';
import { fitBytes } from '../core/printable.ts';
import type { Announcement, ClockPort, EventPort } from '../operator/ports.ts';
import { isKind } from './api-error.ts';
import type { KubeClient } from './kube-client.ts';
import { resourcePath } from './resource-path.ts';
import { resources } from './resources.ts';

const MAX_NOTE_BYTES = 1024;
/** Waiting events; beyond it the oldest is dropped, and counted. */
const MAX_WAITING = 2000;
const MAX_SERIES = 2000;
/** A repeat within this time continues the series, milliseconds. */
const SERIES_MS = 30 * 60_000;
/** Events sent at the same time. */
const SENDERS = 4;

export interface EventDeps {
  readonly client: KubeClient;
  readonly clock: ClockPort;
  readonly logger: Logger;
  readonly onDropped: () => void;
}

interface Series {
  readonly namespace: string;
  readonly name: string;
  count: number;
  lastAt: number;
}

/** Writes events.k8s.io/v1 events in the background. They are advisory: losing one never delays or fails a reload. */
export class EventRecorder implements EventPort {
  readonly #deps: EventDeps;
  readonly #waiting: Announcement[] = [];
  readonly #series = new Map<string, Series>();
  readonly #stop = new AbortController();
  readonly #senders = new Set<Promise<void>>();

  constructor(deps: EventDeps) {
    this.#deps = deps;
  }

  announce(announcement: Announcement): void {
    if (this.#stop.signal.aborted) return;
    if (this.#waiting.length >= MAX_WAITING) {
      this.#waiting.shift();
      this.#deps.onDropped();
    }
    this.#waiting.push(announcement);
    if (this.#senders.size >= SENDERS) return;
    const sender = this.#send().finally(() => this.#senders.delete(sender));
    this.#senders.add(sender);
  }

  /** Sends what waits, for at most `graceMs`. */
  async close(graceMs: number): Promise<void> {
    const timer = setTimeout(() => this.#stop.abort(), graceMs);
    await Promise.all(this.#senders);
    clearTimeout(timer);
    this.#stop.abort();
  }

  async #send(): Promise<void> {
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
      try {
        await this.#write(next);
      } catch (error) {
        this.#deps.onDropped();
        // The source's name and the reason say which one; a terminating namespace or a quota is no reason to insist.
        this.#deps.logger.debug({ reason: next.reason, err: error }, 'event not written');
      }
    }
  }

  async #write(announcement: Announcement): Promise<void> {
    const { regarding, reason, type } = announcement;
    const note = fitBytes(announcement.note, MAX_NOTE_BYTES);
    const id = JSON.stringify([regarding.uid, reason, type, note]);
    const series = this.#series.get(id);
    const now = this.#deps.clock.monotonic();
    if (series && now - series.lastAt < SERIES_MS && (await this.#continueSeries(series, now))) return;
    const name = `${regarding.name.slice(0, 230)}.${randomBytes(8).toString('hex')}`;
    await this.#deps.client.request({
      method: 'POST',
      path: resourcePath(resources.events, { namespace: regarding.namespace }),
      body: toEvent({ announcement, name, note, time: microTime(this.#deps.clock.now()) }),
      signal: this.#stop.signal,
      urgency: 'tell',
    });
    this.#remember(id, { namespace: regarding.namespace, name, count: 1, lastAt: now });
  }

  /** False: the event is gone, a new one is needed. */
  async #continueSeries(series: Series, now: number): Promise<boolean> {
    const path = resourcePath(resources.events, series);
    const next = { count: series.count + 1, lastObservedTime: microTime(this.#deps.clock.now()) };
    try {
      await this.#deps.client.mergePatch(path, { series: next }, { signal: this.#stop.signal, urgency: 'tell' });
      series.count = next.count;
      series.lastAt = now;
      return true;
    } catch (error) {
      if (isKind(error, 'NotFound')) return false;
      throw error;
    }
  }

  #remember(id: string, series: Series): void {
    this.#series.delete(id);
    this.#series.set(id, series);
    const [oldest] = this.#series.keys();
    if (this.#series.size > MAX_SERIES && oldest !== undefined) this.#series.delete(oldest);
  }
}

interface EventInput {
  readonly announcement: Announcement;
  readonly name: string;
  readonly note: string;
  readonly time: string;
}

function toEvent({ announcement: { regarding, related, reason, action, type }, name, note, time }: EventInput): object {
  return {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name, namespace: regarding.namespace },
    eventTime: time,
    reportingController: REPORTING_CONTROLLER,
    reportingInstance: `${FIELD_MANAGER}-${hostname()}`.slice(0, 128),
    action,
    reason,
    type,
    note,
    regarding: { apiVersion: 'v1', ...regarding },
    ...(related ? { related: { apiVersion: 'v1', ...related } } : {}),
  };
}

/** metav1.MicroTime. */
function microTime(time: Date): string {
  return time.toISOString().replace('Z', '000Z');
}
