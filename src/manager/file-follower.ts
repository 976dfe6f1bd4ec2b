import type { FileRead } from './config-file.ts';
import type { EventRecorder } from './event-recorder.ts';
import type { FileLineage } from './file-lineage.ts';
import { watchFile, type FileWatch } from './file-watch.ts';
import type { ResolvedOptions } from './manager-options.ts';
import { managerReasons } from './manager-reasons.ts';
import type { ConfigText, ReloadJob, ReloadPipeline } from './reload-pipeline.ts';
import type { ReloadOutcome } from './reload-request.ts';
import { ReloadSlot } from './reload-slot.ts';
import type { ReloadWork } from './reload-work.ts';

/** Follow-ups after a target failed: 5 s, doubled up to 5 min. */
const RETRY_FIRST_MS = 5000;
const RETRY_MOST_MS = 300_000;

type Options = Pick<ResolvedOptions, 'path' | 'pollMs' | 'debounceMs' | 'target' | 'initialApply' | 'clock' | 'logger'>;
interface FileFollowerOptions extends Options {
  readonly lineage: FileLineage;
  readonly pipeline: ReloadPipeline;
  readonly recorder: EventRecorder;
  /** Asks for a turn of `followFile`. */
  readonly request: () => void;
}

/** Decides when the file is loaded without anyone having asked for it: at the start, when it changed, and after a target failed. */
export class FileFollower {
  readonly #options: FileFollowerOptions;
  #watch: FileWatch | undefined;
  #timer: NodeJS.Timeout | undefined;
  #retryMs = RETRY_FIRST_MS;
  /** Changes that arrive while the file is looked at cause one more look. */
  readonly #looks = new ReloadSlot<'look'>(() => this.look());

  constructor(options: FileFollowerOptions) {
    this.#options = options;
  }

  watch(): void {
    const { path, pollMs, debounceMs, logger } = this.#options;
    this.#watch = watchFile({ path, pollMs, debounceMs, logger, onChange: () => this.#looks.request('look') });
  }

  close(): void {
    this.#watch?.close();
    this.#looks.close();
    clearTimeout(this.#timer);
  }

  /**
   * The file as the process finds it. Recorded only where there is something to tell: it failed, or another text ran when the
   * kept history ended, or a target was told.
   */
  async loadFirst(work: ReloadWork): Promise<ReloadOutcome> {
    const { pipeline, recorder, target, initialApply, logger } = this.#options;
    const lastHash = recorder.history.list().find(({ result }) => result === 'success')?.newHash;
    const read = await pipeline.readFile();
    const isChanged = lastHash !== undefined && read.kind === 'text' && lastHash !== read.hash;
    const tellsTarget =
      target !== undefined && (initialApply === 'always' || (initialApply === 'changed' && isChanged));
    const job = fileJob(read.kind === 'text' ? read : undefined);
    const outcome = await pipeline.run(job, work, { target: !tellsTarget, observers: true });
    this.retryWhereTargetFailed(outcome);
    if (outcome.result === 'success' && !isChanged && !tellsTarget) {
      logger.info({ hash: outcome.hash }, 'configuration loaded');
      return outcome;
    }
    return recorder.record(outcome);
  }

  /** Looks at the file without taking a turn, and asks for one only where there is something to load: a look refuses nobody. */
  async look(): Promise<void> {
    if (!this.#isDue(await this.#options.pipeline.readFile())) return;
    this.#options.request();
  }

  /** Loads the file where it holds something new that no push has overtaken. Never rejects. */
  async followFile(work: ReloadWork): Promise<void> {
    const { pipeline, recorder } = this.#options;
    const read = await pipeline.readFile();
    if (!this.#isDue(read)) return;
    const outcome = await pipeline.run(fileJob(read.kind === 'text' ? read : undefined), work);
    recorder.record(this.retryWhereTargetFailed(outcome));
  }

  /** Whether what was read is to be loaded; takes note of it where it is not. */
  #isDue(read: FileRead): boolean {
    const { lineage, pipeline, recorder, clock, logger } = this.#options;
    if (lineage.hasSeen(read)) return false;
    if (read.kind === 'failed') return true;
    if (read.hash === pipeline.running?.hash) {
      if (!wasFine(recorder)) return true;
      lineage.see(read);
      lineage.caughtUp();
      return false;
    }
    if (lineage.isSuperseded(read.hash)) {
      lineage.see(read);
      logger.info({ hash: read.hash }, 'the file holds a text that a push replaced; it is not loaded');
      return false;
    }
    const holdMs = lineage.holdLeft(clock.monotonicMs());
    if (holdMs > 0) this.#lookAgainIn(holdMs + 1);
    return holdMs === 0;
  }

  /** A target that did not take the text over is tried again later, less and less often. */
  retryWhereTargetFailed(outcome: ReloadOutcome): ReloadOutcome {
    const { target, lineage } = this.#options;
    if (outcome.result === 'success') this.#retryMs = RETRY_FIRST_MS;
    if (!target || outcome.result === 'success' || !isOfTarget(outcome.reason)) return outcome;
    lineage.forget();
    this.#lookAgainIn(this.#retryMs);
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MOST_MS);
    return outcome;
  }

  #lookAgainIn(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#looks.request('look'), ms);
    this.#timer.unref();
  }
}

/** Whether the text was good and only its hand-over failed. */
function isOfTarget(reason: ReloadOutcome['reason']): boolean {
  return !(reason in managerReasons) || reason === 'FileUnstable' || reason === 'PublishFailed';
}

/** Whether nothing is left to report: the last event was no failure. */
function wasFine(recorder: EventRecorder): boolean {
  const last = recorder.history.latest;
  return last === undefined || last.result === 'success';
}

function fileJob(text: ConfigText | undefined): ReloadJob {
  return { trigger: 'file', source: { from: 'file', ...(text ? { text } : {}) }, force: false, dryRun: false };
}
