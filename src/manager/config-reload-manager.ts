import type { Logger } from 'pino';
import { contentHash } from '../core/content-hash.ts';
import type { LeIndexConfig } from '../core/leindex-config.ts';
import type { ReloadEvent, ReloadTrigger } from '../core/reload-event.ts';
import type { Validate } from '../core/validation.ts';
import { createBoundedValidator, type BoundedValidator } from '../gate/bounded-validator.ts';
import { readConfigFile, type FileRead } from './config-file.ts';
import { deepFreeze } from './deep-freeze.ts';
import { describeViolations } from './describe-violations.ts';
import { EventHistory } from './event-history.ts';
import { FileLineage } from './file-lineage.ts';
import { watchFile, type FileWatch } from './file-watch.ts';
import { HistoryFile } from './history-file.ts';
import { resolveOptions, type ReloadManagerOptions, type ResolvedOptions } from './manager-options.ts';
import { ObserverList, type ConfigObserver } from './observer-list.ts';
import { checkRequest, type ReloadOutcome, type ReloadRequest } from './reload-request.ts';
import { ReloadSlot } from './reload-slot.ts';
import { countReload, noReloads, type ReloadStats } from './reload-stats.ts';
import { ReloadTargetError, type Candidate } from './reload-target.ts';
import { ReloadWork, type Running } from './reload-work.ts';
import { listenToSignal } from './sighup.ts';
import { sleepQuietly } from './sleep-quietly.ts';

export type ManagerState = 'new' | 'starting' | 'running' | 'stopping' | 'stopped';

/** The manager is not running: `start` it first, or it has been stopped. */
export class ReloadManagerNotRunningError extends Error {
  readonly state: ManagerState;

  constructor(state: ManagerState) {
    super(`the reload manager is ${state}; a reload needs it started and not stopped`);
    this.name = 'ReloadManagerNotRunningError';
    this.state = state;
  }
}

type Text = Extract<FileRead, { kind: 'text' }>;
/** What a reload loads: the file as it is then, the file as it was just read, or a pushed text. */
type Source = { readonly from: 'file'; readonly text?: Text } | { readonly from: 'push'; readonly text: Text };
interface Job {
  readonly trigger: ReloadTrigger;
  readonly source: Source;
  readonly force: boolean;
  readonly dryRun: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Follow-ups after a target failed: 5 s, doubled up to 5 min. */
const RETRY_FIRST_MS = 5000;
const RETRY_MOST_MS = 300_000;
const HASH_POLL_MS = 50;

/**
 * Keeps one configuration file loaded: load → validate → hand to the target → swap in one step → notify → record.
 * On any failure what ran before runs on. Does nothing until `start`.
 */
export class ConfigReloadManager {
  readonly #options: ResolvedOptions;
  readonly #logger: Logger;
  readonly #observers: ObserverList;
  readonly #slot: ReloadSlot<ReloadTrigger>;
  readonly #lineage: FileLineage;
  readonly #stopping = new AbortController();
  #ownValidator: BoundedValidator | undefined;
  #validate: Validate;
  #history: EventHistory;
  #historyFile: HistoryFile | undefined;
  #stats: ReloadStats = noReloads;
  #state: ManagerState = 'new';
  #running: Running | null = null;
  #started: Promise<ReloadOutcome> | undefined;
  #stopped: Promise<void> | undefined;
  #watch: FileWatch | undefined;
  #stopListening: (() => void) | undefined;
  #recheck: NodeJS.Timeout | undefined;
  #retryMs = RETRY_FIRST_MS;
  readonly #listeners = new Set<(event: ReloadEvent) => void>();

  /** @throws TypeError naming the option that is wrong. */
  constructor(options: ReloadManagerOptions) {
    this.#options = resolveOptions(options);
    const { logger, validate, observerTimeoutMs, historyLimit, pushHoldMs, onEvent, onObserverFailure } = this.#options;
    this.#logger = logger;
    this.#validate = validate ?? ((content) => this.#ensureValidator().validate(content));
    this.#observers = new ObserverList({
      timeoutMs: observerTimeoutMs,
      logger,
      onFailure: ({ kind }) => onObserverFailure?.(kind),
    });
    this.#history = new EventHistory(historyLimit);
    this.#lineage = new FileLineage(pushHoldMs);
    this.#slot = new ReloadSlot((trigger) => this.#runTrigger(trigger));
    if (onEvent) this.#listeners.add(onEvent);
  }

  /**
   * Loads the file, listens to the signal and watches the file as the options say. Resolves also where the file is missing or
   * invalid: then nothing runs yet, `getCurrentConfig()` is null, and the first good text is loaded when it comes.
   * Starting twice gives the same promise.
   */
  start(): Promise<ReloadOutcome> {
    return (this.#started ??= this.#start());
  }

  /** Takes no more triggers, lets the reload in flight end, and lets go of signal, watch, worker and history file. */
  stop(): Promise<void> {
    return (this.#stopped ??= this.#stop());
  }

  /**
   * Reloads now. Never throws for what a reload can meet: every end is an outcome, recorded in stats and history unless `dryRun`.
   * A call while a reload runs, from an observer too, is refused with `already_in_progress`.
   * @throws TypeError where the request is malformed
   * @throws ReloadManagerNotRunningError before `start` and after `stop`
   */
  async reloadConfig(request: ReloadRequest = {}): Promise<ReloadOutcome> {
    this.#requireRunning();
    checkRequest(request);
    const { config, hash } = request;
    if (config === undefined) {
      if (hash !== undefined) return this.#reloadHash(hash, request);
      return this.#runJob(this.#job(request, { from: 'file' }));
    }
    const bytes = typeof config === 'string' ? Buffer.from(config) : config.slice();
    const text: Text = { kind: 'text', bytes, hash: contentHash(bytes) };
    if (hash !== undefined && hash !== text.hash) {
      const work = this.#work(request.trigger);
      return this.#settle(
        work.failed('HashMismatch', `the text hashes to ${text.hash}, not to ${hash}`),
        request.dryRun,
      );
    }
    const job = this.#job(request, { from: 'push', text });
    if (this.#options.target?.readsFile && !request.dryRun) return this.#reloadPushedThroughFile(job, text, request);
    return this.#runJob(job);
  }

  /** Subscribing twice counts once. @throws TypeError where the observer is no function. */
  subscribe(observer: ConfigObserver): () => void {
    this.#observers.add(observer);
    return () => void this.#observers.remove(observer);
  }

  /** Whether it had been subscribed. */
  unsubscribe(observer: ConfigObserver): boolean {
    return this.#observers.remove(observer);
  }

  /** Told of each recorded event after it is recorded; must return at once. Gives back what ends it. */
  onEvent(listener: (event: ReloadEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** What runs, deeply frozen; null until a valid text was loaded. */
  getCurrentConfig(): LeIndexConfig | null {
    return this.#running?.config ?? null;
  }

  /** `sha256:<hex>` of the text that runs; null until one was loaded. */
  getCurrentHash(): string | null {
    return this.#running?.hash ?? null;
  }

  /** What runs, with its hash, origin and time. */
  getRunning(): Running | null {
    return this.#running;
  }

  getStats(): ReloadStats {
    return this.#stats;
  }

  /** Newest first. @throws TypeError where the limit is no whole number above 0. */
  getEventHistory(limit?: number): readonly ReloadEvent[] {
    if (limit !== undefined && !(Number.isInteger(limit) && limit > 0))
      throw new TypeError('limit must be a whole number above 0');
    return this.#history.list(limit);
  }

  /** Forgets the events, on disk too; the stats stay. Gives back how many there were. */
  clearHistory(): number {
    this.#historyFile?.clear();
    return this.#history.clear();
  }

  getObserverCount(): number {
    return this.#observers.count;
  }

  isReloadInProgress(): boolean {
    return this.#slot.isTaken;
  }

  getState(): ManagerState {
    return this.#state;
  }

  async #start(): Promise<ReloadOutcome> {
    if (this.#state !== 'new') throw new ReloadManagerNotRunningError(this.#state);
    this.#state = 'starting';
    const { handleSignals, signalSource, signal, historyFile, historyLimit, watch, path, pollMs, debounceMs } =
      this.#options;
    // First of all: a signal that comes while the file is loaded is kept for after.
    if (handleSignals) this.#stopListening = listenToSignal(signalSource, signal, () => this.#slot.request('signal'));
    if (watch) {
      this.#watch = watchFile({
        path,
        pollMs,
        debounceMs,
        logger: this.#logger,
        onChange: () => this.#slot.request('file'),
      });
    }
    const outcome = await this.#slot.tryRun(async () => {
      if (historyFile !== undefined) {
        this.#historyFile = await HistoryFile.open({ path: historyFile, limit: historyLimit, logger: this.#logger });
        this.#history = new EventHistory(historyLimit, this.#historyFile.earlier);
      }
      return this.#loadFirst();
    });
    if (!outcome) throw new Error('a reload ran before start'); // the slot is taken by start alone in state 'new'
    if (this.#state === ('starting' as ManagerState)) this.#state = 'running';
    return outcome;
  }

  async #stop(): Promise<void> {
    const wasNew = this.#state === 'new';
    this.#state = 'stopping';
    this.#slot.close();
    this.#stopping.abort();
    clearTimeout(this.#recheck);
    this.#stopListening?.();
    this.#watch?.close();
    if (!wasNew) await this.#started?.catch(() => undefined);
    await this.#slot.whenFree();
    await this.#historyFile?.close();
    await this.#ownValidator?.close();
    this.#state = 'stopped';
  }

  /** The file as the process finds it: an event only where something failed, or another text ran when the history ended. */
  async #loadFirst(): Promise<ReloadOutcome> {
    const { target, initialApply } = this.#options;
    const lastHash = this.#history.list().find((event) => event.result === 'success')?.newHash;
    const work = this.#work('file');
    const read = await this.#readFile();
    this.#lineage.see(read);
    if (read.kind === 'failed') return this.#settle(work.failed(read.reason, read.message));
    const isChanged = lastHash !== undefined && lastHash !== read.hash;
    const skipTarget =
      target !== undefined && !(initialApply === 'always' || (initialApply === 'changed' && isChanged));
    const job = this.#job({ trigger: 'file' }, { from: 'file', text: read });
    const outcome = await this.#attempt(job, work, { skipTarget, skipNotify: true });
    if (outcome.result === 'success' && !isChanged && skipTarget === (target !== undefined)) {
      return outcome;
    }
    return this.#settle(outcome);
  }

  /** A signal, a change of the file, or a follow-up. Never rejects. */
  async #runTrigger(trigger: ReloadTrigger): Promise<void> {
    try {
      if (trigger === 'file') await this.#followFile();
      else await this.#attemptAndSettle(this.#job({ trigger }, { from: 'file' }));
    } catch (error) {
      this.#logger.error({ err: error }, 'a triggered reload ended in a way it must not');
    }
  }

  /** Loads the file only where it holds something new that no push has overtaken. */
  async #followFile(): Promise<void> {
    const read = await this.#readFile();
    if (this.#lineage.hasSeen(read)) return;
    if (read.kind === 'text') {
      if (this.#lineage.isSuperseded(read.hash)) {
        this.#lineage.see(read);
        this.#logger.info({ hash: read.hash }, 'the file holds a text that a push replaced; it is not loaded');
        return;
      }
      const holdMs = this.#lineage.holdLeft(this.#options.clock.monotonicMs());
      if (holdMs > 0 && read.hash !== this.#running?.hash) {
        this.#triggerFileIn(holdMs + 1);
        return;
      }
      if (
        read.hash === this.#running?.hash &&
        this.#stats.lastReloadResult !== null &&
        this.#history.latest?.result === 'success'
      ) {
        this.#lineage.see(read);
        this.#lineage.caughtUp();
        return;
      }
    }
    await this.#attemptAndSettle(
      this.#job({ trigger: 'file' }, read.kind === 'text' ? { from: 'file', text: read } : { from: 'file' }),
    );
  }

  #triggerFileIn(ms: number): void {
    clearTimeout(this.#recheck);
    this.#recheck = setTimeout(() => this.#slot.request('file'), ms);
    this.#recheck.unref();
  }

  /** Waits for the file to hold the text of this hash, then reloads. Waiting refuses nobody else. */
  async #reloadHash(hash: string, request: ReloadRequest): Promise<ReloadOutcome> {
    const { clock, hashTimeoutMs, path } = this.#options;
    const work = this.#work(request.trigger);
    const end = clock.monotonicMs() + hashTimeoutMs;
    for (;;) {
      const running = this.#running;
      if (running?.hash === hash && !request.force)
        return this.#settle(work.from(running).succeeded('Unchanged', running), request.dryRun);
      const read = await this.#readFile(request.signal);
      if (read.kind === 'text' && read.hash === hash) {
        const job = this.#job(request, { from: 'file', text: read });
        if (request.dryRun) return this.#attempt(job, work);
        const run = this.#slot.tryRun(async () => this.#settle(await this.#attempt(job, work)));
        if (run) return run;
      }
      if (request.signal?.aborted || this.#stopping.signal.aborted) {
        return this.#settle(
          work.from(this.#running).failed('Aborted', 'the caller no longer waits', { hash }),
          request.dryRun,
        );
      }
      if (clock.monotonicMs() >= end) {
        const found = read.kind === 'text' ? `it holds ${read.hash}` : read.message;
        const message = `${path} did not reach ${hash} within ${hashTimeoutMs} ms: ${found}`;
        return this.#settle(work.from(this.#running).failed('PropagationTimeout', message, { hash }), request.dryRun);
      }
      await sleepQuietly(
        HASH_POLL_MS,
        AbortSignal.any([this.#stopping.signal, ...(request.signal ? [request.signal] : [])]),
      );
    }
  }

  /** The target reads the file, not us: a pushed text is refused early where invalid, else waited for in the file. */
  async #reloadPushedThroughFile(job: Job, text: Text, request: ReloadRequest): Promise<ReloadOutcome> {
    const trial = await this.#attempt({ ...job, dryRun: true }, this.#work(job.trigger));
    if (trial.result !== 'success') return this.#settle(trial);
    return this.#reloadHash(text.hash, request);
  }

  #runJob(job: Job): Promise<ReloadOutcome> {
    const work = this.#work(job.trigger);
    if (job.dryRun) return this.#attempt(job, work);
    const run = this.#slot.tryRun(async () => this.#settle(await this.#attempt(job, work)));
    if (run) return run;
    const hash = job.source.text?.hash ?? null;
    return Promise.resolve(
      this.#settle(work.failed('ReloadInProgress', 'a reload is in progress; ask again when it has ended', { hash })),
    );
  }

  async #attemptAndSettle(job: Job): Promise<void> {
    this.#settle(await this.#attempt(job, this.#work(job.trigger)));
  }

  /** One reload from load to notify. Never rejects. */
  async #attempt(
    job: Job,
    work: ReloadWork,
    skip: { skipTarget?: boolean; skipNotify?: boolean } = {},
  ): Promise<ReloadOutcome> {
    const loaded = await this.#load(job);
    work.from(this.#running);
    if (loaded.kind === 'failed') return work.failed(loaded.reason, loaded.message);
    const running = this.#running;
    if (running?.hash === loaded.hash && !job.force) {
      if (job.source.from === 'file' && !job.dryRun) this.#lineage.caughtUp();
      return work.succeeded('Unchanged', running);
    }
    if (running && this.#isLeftBehind(job, loaded.hash)) return work.succeeded('FileSuperseded', running);
    const { hash } = loaded;

    const validated = await this.#validateText(loaded);
    if ('error' in validated)
      return work.failed('ValidatorFailed', `the text could not be validated: ${validated.error}`, { hash });
    const { warnings } = validated;
    if (!validated.valid) {
      const { violations } = validated;
      return work.failed('ValidationFailed', describeViolations(violations), { hash, violations, warnings });
    }
    const candidate: Candidate = { bytes: loaded.bytes, hash, config: deepFreeze(validated.config) };
    if (job.dryRun) return work.succeeded('DryRun', candidate, warnings);
    if (job.signal?.aborted)
      return work.failed('Aborted', 'the caller went away before anything was changed', { hash });

    let reason: ReloadOutcome['reason'] = 'Reloaded';
    if (this.#options.target && !skip.skipTarget) {
      try {
        reason = await this.#options.target.apply(candidate, this.#stopping.signal);
        this.#retryMs = RETRY_FIRST_MS;
      } catch (error) {
        this.#retryTarget();
        if (error instanceof ReloadTargetError) return work.failed(error.reason, error.message, { hash, warnings });
        return work.failed('ExecFailed', `the target failed: ${describeError(error)}`, { hash, warnings });
      }
    }
    this.#swap(candidate, job.source.from);
    const outcome = () => work.succeeded(reason, candidate, warnings);
    if (skip.skipNotify) return outcome();
    await this.#observers.notify(running?.config ?? null, candidate.config);
    return outcome();
  }

  async #load({ source, signal, dryRun }: Job): Promise<FileRead> {
    const { maxConfigBytes } = this.#options;
    if (source.from === 'push') {
      if (source.text.bytes.length <= maxConfigBytes) return source.text;
      return {
        kind: 'failed',
        reason: 'ConfigTooLarge',
        message: `the pushed text is larger than ${maxConfigBytes} bytes`,
      };
    }
    const read = source.text ?? (await this.#readFile(signal));
    if (!dryRun) this.#lineage.see(read);
    return read;
  }

  /** Whether the file only holds what a push replaced. A named hash, `force` and a rollback may go back. */
  #isLeftBehind(job: Job, hash: string): boolean {
    const isPlainRead = job.source.from === 'file' && job.source.text === undefined;
    return isPlainRead && !job.force && job.trigger !== 'rollback' && this.#lineage.isSuperseded(hash);
  }

  async #validateText(text: Text): Promise<Awaited<ReturnType<Validate>> | { error: string }> {
    try {
      const validated = await this.#validate(text.bytes);
      // A validator that was given another text, or answers for another one, has validated nothing.
      return validated.hash === text.hash ? validated : { error: `the validator answered for ${validated.hash}` };
    } catch (error) {
      return { error: describeError(error) };
    }
  }

  /** The one step in which the configuration changes. */
  #swap(candidate: Candidate, from: Source['from']): void {
    const { clock } = this.#options;
    const oldHash = this.#running?.hash ?? null;
    const since = clock.now().toISOString();
    this.#running = Object.freeze({ config: candidate.config, hash: candidate.hash, origin: from, since });
    if (from === 'push') this.#lineage.pushed({ from: oldHash, to: candidate.hash, nowMs: clock.monotonicMs() });
    else this.#lineage.caughtUp();
  }

  #retryTarget(): void {
    this.#lineage.forget();
    this.#triggerFileIn(this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MOST_MS);
  }

  /** Records the outcome, unless it is of a dry run. */
  #settle(outcome: ReloadOutcome, isDryRun = false): ReloadOutcome {
    if (isDryRun) return outcome;
    const { event } = outcome;
    this.#stats = countReload(this.#stats, event);
    this.#history.add(event);
    this.#historyFile?.append(event);
    const { id, trigger, result, reason, newHash: hash, durationMs } = event;
    const fields = { id, trigger, result, reason, hash, durationMs };
    if (event.result === 'success') this.#logger.info({ ...fields, changes: event.changes }, 'reload succeeded');
    else this.#logger.warn({ ...fields, error: event.errorMessage }, 'reload failed; what ran before runs on');
    this.#tellListeners(event);
    return outcome;
  }

  #tellListeners(event: ReloadEvent): void {
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        this.#logger.error({ err: error }, 'an event listener threw');
      }
    }
  }

  #job(request: ReloadRequest, source: Source): Job {
    const { trigger = 'api', force = false, dryRun = false, signal } = request;
    return { trigger, source, force, dryRun, signal };
  }

  #work(trigger: ReloadTrigger = 'api'): ReloadWork {
    return new ReloadWork({ trigger, clock: this.#options.clock }).from(this.#running);
  }

  #readFile(signal?: AbortSignal): Promise<FileRead> {
    const { path, maxConfigBytes: maxBytes } = this.#options;
    return readConfigFile({ path, maxBytes, ...(signal ? { signal } : {}) });
  }

  #ensureValidator(): BoundedValidator {
    return (this.#ownValidator ??= createBoundedValidator({ maxBytes: this.#options.maxConfigBytes }));
  }

  #requireRunning(): void {
    if (this.#state !== 'running' && this.#state !== 'starting') throw new ReloadManagerNotRunningError(this.#state);
  }
}

function describeError(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
