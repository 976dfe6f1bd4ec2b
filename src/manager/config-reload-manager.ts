import { contentHash } from '../core/content-hash.ts';
import type { LeIndexConfig } from '../core/leindex-config.ts';
import type { ReloadEvent, ReloadTrigger } from '../core/reload-event.ts';
import { createBoundedValidator, type BoundedValidator } from '../gate/bounded-validator.ts';
import { awaitFileHash } from './await-file-hash.ts';
import { EventRecorder } from './event-recorder.ts';
import { FileFollower } from './file-follower.ts';
import { FileLineage } from './file-lineage.ts';
import { ReloadManagerNotRunningError, type ManagerState } from './manager-state.ts';
import { resolveOptions, type ReloadManagerOptions, type ResolvedOptions } from './manager-options.ts';
import { ObserverList, type ConfigObserver } from './observer-list.ts';
import { ReloadPipeline, type ConfigText, type ReloadJob } from './reload-pipeline.ts';
import { checkRequest, type ReloadOutcome, type ReloadRequest } from './reload-request.ts';
import { ReloadSlot } from './reload-slot.ts';
import type { ReloadStats } from './reload-stats.ts';
import { ReloadWork, type Running } from './reload-work.ts';
import { listenToSignal } from './sighup.ts';

/**
 * Keeps one configuration file loaded: load → validate → swap in one step → notify → record (`reload-pipeline.ts`).
 * On any failure what ran before runs on. Does nothing until `start`.
 */
export class ConfigReloadManager {
  readonly #options: ResolvedOptions;
  readonly #observers: ObserverList;
  readonly #recorder: EventRecorder;
  readonly #pipeline: ReloadPipeline;
  readonly #slot: ReloadSlot<ReloadTrigger>;
  readonly #follower: FileFollower;
  readonly #stopping = new AbortController();
  readonly #ownValidator: BoundedValidator | undefined;
  #state: ManagerState = 'new';
  #started: Promise<ReloadOutcome> | undefined;
  #stopped: Promise<void> | undefined;
  #stopListening: (() => void) | undefined;

  /** @throws TypeError naming the option that is wrong. */
  constructor(options: ReloadManagerOptions) {
    this.#options = resolveOptions(options);
    const { logger, validate, observerTimeoutMs, pushHoldMs, maxConfigBytes, onEvent, onObserverFailure } =
      this.#options;
    const validator = validate
      ? { validate }
      : (this.#ownValidator = createBoundedValidator({ maxBytes: maxConfigBytes }));
    const lineage = new FileLineage(pushHoldMs);
    this.#observers = new ObserverList({ timeoutMs: observerTimeoutMs, logger, onFailure: onObserverFailure });
    this.#recorder = new EventRecorder(this.#options);
    if (onEvent) this.#recorder.listen(onEvent);
    this.#pipeline = new ReloadPipeline({
      ...this.#options,
      validate: validator.validate,
      observers: this.#observers,
      lineage,
      stopping: this.#stopping.signal,
    });
    this.#slot = new ReloadSlot((trigger) => this.#runTrigger(trigger));
    this.#follower = new FileFollower({
      ...this.#options,
      lineage,
      pipeline: this.#pipeline,
      recorder: this.#recorder,
      request: () => this.#slot.request('file'),
    });
  }

  /**
   * Loads the file, listens to the signal and watches the file as the options say. Resolves also where the file is missing or
   * invalid: then nothing runs yet, `getCurrentConfig()` is null, and the first good text is loaded when it comes.
   * Observers are not called. Starting twice gives the same promise.
   */
  start(): Promise<ReloadOutcome> {
    return (this.#started ??= this.#start());
  }

  /** Takes no more triggers, lets the reload in flight end, and lets go of signal, watch, worker and history file. */
  stop(): Promise<void> {
    return (this.#stopped ??= this.#stop());
  }

  /**
   * Reloads now. Never rejects for what a reload can meet: every end is an outcome, recorded in stats and history unless `dryRun`.
   * A call while a reload runs, from an observer too, is refused with `already_in_progress`; a call by `hash` alone waits.
   * @throws TypeError where the request is malformed
   * @throws ReloadManagerNotRunningError before `start` and after `stop`
   */
  async reloadConfig(request: ReloadRequest = {}): Promise<ReloadOutcome> {
    if (this.#state !== 'running' && this.#state !== 'starting') throw new ReloadManagerNotRunningError(this.#state);
    checkRequest(request);
    const { config, hash } = request;
    if (config !== undefined) return this.#reloadText(config, request);
    if (hash !== undefined) return this.#reloadHash(hash, request);
    return this.#runJob(toJob(request, { from: 'file' }));
  }

  /** Subscribing twice counts once. Gives back what unsubscribes. @throws TypeError where the observer is no function. */
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
    return this.#recorder.listen(listener);
  }

  /** What runs, deeply frozen; null until a valid text was loaded. */
  getCurrentConfig(): LeIndexConfig | null {
    return this.#pipeline.running?.config ?? null;
  }

  /** What runs, with its hash, origin and time; null until a valid text was loaded. */
  getRunning(): Running | null {
    return this.#pipeline.running;
  }

  getStats(): ReloadStats {
    return this.#recorder.stats;
  }

  /** Newest first. @throws TypeError where the limit is no whole number above 0. */
  getEventHistory(limit?: number): readonly ReloadEvent[] {
    if (limit !== undefined && !(Number.isInteger(limit) && limit > 0))
      throw new TypeError('limit must be a whole number above 0');
    return this.#recorder.history.list(limit);
  }

  /** Forgets the events, on disk too; the stats stay. Gives back how many there were. */
  clearHistory(): number {
    return this.#recorder.clear();
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
    const { handleSignals, signalSource, signal, watch } = this.#options;
    // First of all: a signal that comes while the file is loaded is kept for after.
    if (handleSignals) this.#stopListening = listenToSignal(signalSource, signal, () => this.#slot.request('signal'));
    const load = this.#slot.tryRun(async () => {
      await this.#recorder.open();
      return this.#follower.loadFirst(this.#work('file'));
    });
    if (!load) throw new Error('something reloads before start'); // only `start` leaves the state `new`
    if (watch) this.#follower.watch();
    const outcome = await load;
    if (!this.#stopping.signal.aborted) this.#state = 'running';
    return outcome;
  }

  async #stop(): Promise<void> {
    this.#state = 'stopping';
    this.#slot.close();
    this.#stopping.abort();
    this.#follower.close();
    this.#stopListening?.();
    await this.#slot.whenFree();
    await this.#recorder.close();
    await this.#ownValidator?.close();
    this.#state = 'stopped';
  }

  /** A signal, a change of the file, or a follow-up. Never rejects. */
  async #runTrigger(trigger: ReloadTrigger): Promise<void> {
    if (trigger === 'file') await this.#follower.followFile(this.#work('file'));
    else this.#recorder.record(await this.#runAndFollow(toJob({ trigger }, { from: 'file' }), this.#work(trigger)));
  }

  async #reloadText(config: string | Uint8Array, request: ReloadRequest): Promise<ReloadOutcome> {
    const bytes = typeof config === 'string' ? Buffer.from(config) : config.slice();
    const text: ConfigText = { kind: 'text', bytes, hash: contentHash(bytes) };
    if (request.hash !== undefined && request.hash !== text.hash) {
      const message = `the text hashes to ${text.hash}, not to ${request.hash}`;
      return this.#record(this.#work(request.trigger).failed('HashMismatch', message), request);
    }
    const job = toJob(request, { from: 'push', text });
    if (!this.#options.target?.readsFile) return this.#runJob(job);
    // The target reads the file, not us: the text is refused at once where it is invalid, else waited for.
    const trial = await this.#pipeline.run({ ...job, dryRun: true }, this.#work(request.trigger));
    if (request.dryRun) return trial;
    return trial.result === 'success' ? this.#reloadHash(text.hash, request) : this.#recorder.record(trial);
  }

  /** Waits for the file to hold the text of this hash, then reloads. Waiting refuses nobody else. */
  async #reloadHash(hash: string, request: ReloadRequest): Promise<ReloadOutcome> {
    const { clock, hashTimeoutMs: timeoutMs, path } = this.#options;
    const work = this.#work(request.trigger);
    const signal = AbortSignal.any([this.#stopping.signal, ...(request.signal ? [request.signal] : [])]);
    const waited = await awaitFileHash<ReloadOutcome>({
      hash,
      read: () => this.#pipeline.readFile(signal),
      isSettled: () => {
        const running = this.#pipeline.running;
        if (running?.hash !== hash || request.force) return null;
        return this.#record(work.from(running).succeeded('Unchanged', running), request);
      },
      use: (text) => this.#tryJob(toJob(request, { from: 'file', text }), work),
      timeoutMs,
      clock,
      signal,
    });
    if (!('missed' in waited)) return waited;
    work.from(this.#pipeline.running);
    if (waited.missed === 'aborted')
      return this.#record(work.failed('Aborted', 'the caller no longer waits', { hash }), request);
    if (waited.missed === 'busy') return this.#record(work.failed('ReloadInProgress', BUSY, { hash }), request);
    const message = `${path} did not reach ${hash} within ${timeoutMs} ms: ${waited.found}`;
    return this.#record(work.failed('PropagationTimeout', message, { hash }), request);
  }

  async #runJob(job: ReloadJob): Promise<ReloadOutcome> {
    const work = this.#work(job.trigger);
    const run = this.#tryJob(job, work);
    if (run) return run;
    const hash = job.source.text?.hash ?? null;
    return this.#recorder.record(work.failed('ReloadInProgress', BUSY, { hash }));
  }

  /** Null where a reload runs already; a dry run needs no turn. */
  #tryJob(job: ReloadJob, work: ReloadWork): Promise<ReloadOutcome> | null {
    if (job.dryRun) return this.#pipeline.run(job, work);
    return this.#slot.tryRun(async () => this.#recorder.record(await this.#runAndFollow(job, work)));
  }

  async #runAndFollow(job: ReloadJob, work: ReloadWork): Promise<ReloadOutcome> {
    return this.#follower.retryWhereTargetFailed(await this.#pipeline.run(job, work));
  }

  #record(outcome: ReloadOutcome, { dryRun }: ReloadRequest): ReloadOutcome {
    return dryRun ? outcome : this.#recorder.record(outcome);
  }

  #work(trigger: ReloadTrigger = 'api'): ReloadWork {
    return new ReloadWork({ trigger, clock: this.#options.clock }).from(this.#pipeline.running);
  }
}

const BUSY = 'a reload is in progress; ask again when it has ended';

function toJob(
  { trigger = 'api', force = false, dryRun = false, signal }: ReloadRequest,
  source: ReloadJob['source'],
): ReloadJob {
  return { trigger, source, force, dryRun, signal };
}
