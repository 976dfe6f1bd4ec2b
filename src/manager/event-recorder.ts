import type { Logger } from 'pino';
import type { ReloadEvent } from '../core/reload-event.ts';
import { EventHistory } from './event-history.ts';
import { HistoryFile } from './history-file.ts';
import type { ReloadOutcome } from './reload-request.ts';
import { countReload, noReloads, type ReloadStats } from './reload-stats.ts';

export type EventListener = (event: ReloadEvent) => void;

interface EventRecorderOptions {
  readonly historyLimit: number;
  readonly historyFile: string | undefined;
  readonly logger: Logger;
}

/** Every outcome ends here: counted, kept, written to disk, logged, told. Nothing here can fail a reload. */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #listeners = new Set<EventListener>();
  #history: EventHistory;
  #file: HistoryFile | undefined;
  #stats: ReloadStats = noReloads;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#history = new EventHistory(options.historyLimit);
  }

  get stats(): ReloadStats {
    return this.#stats;
  }

  get history(): EventHistory {
    return this.#history;
  }

  /** Reads what an earlier process left. */
  async open(): Promise<void> {
    const { historyFile: path, historyLimit: limit, logger } = this.#options;
    if (path === undefined) return;
    this.#file = await HistoryFile.open({ path, limit, logger });
    this.#history = new EventHistory(limit, this.#file.earlier);
  }

  /** Resolves when the disk has what it can have. */
  async close(): Promise<void> {
    await this.#file?.close();
  }

  record<T extends ReloadOutcome>(outcome: T): T {
    const { event } = outcome;
    this.#stats = countReload(this.#stats, event);
    this.#history.add(event);
    this.#file?.append(event);
    this.#log(event);
    this.#tell(event);
    return outcome;
  }

  clear(): number {
    this.#file?.clear();
    return this.#history.clear();
  }

  /** Gives back what ends the listening. */
  listen(listener: EventListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #log(event: ReloadEvent): void {
    const { id, trigger, result, reason, newHash: hash, durationMs } = event;
    const fields = { id, trigger, result, reason, hash, durationMs };
    if (event.result === 'success')
      this.#options.logger.info({ ...fields, changes: event.changes }, 'reload succeeded');
    else this.#options.logger.warn({ ...fields, error: event.errorMessage }, 'reload failed; what ran before runs on');
  }

  #tell(event: ReloadEvent): void {
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        this.#options.logger.error({ err: error }, 'an event listener threw');
      }
    }
  }
}
