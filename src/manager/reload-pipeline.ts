import type { ReloadTrigger } from '../core/reload-event.ts';
import type { Validate, ValidationOutcome } from '../core/validation.ts';
import { readConfigFile, type FileRead } from './config-file.ts';
import { deepFreeze } from './deep-freeze.ts';
import { describeError } from './describe-error.ts';
import { describeViolations } from './describe-violations.ts';
import type { FileLineage } from './file-lineage.ts';
import type { ResolvedOptions } from './manager-options.ts';
import type { ObserverList } from './observer-list.ts';
import type { ReloadOutcome } from './reload-request.ts';
import { ReloadTargetError, type Candidate } from './reload-target.ts';
import type { ReloadWork, Running } from './reload-work.ts';

export type ConfigText = Extract<FileRead, { kind: 'text' }>;

/** What a reload loads: the file as it is then, the file as it was just read, or a pushed text. */
type Source =
  { readonly from: 'file'; readonly text?: ConfigText } | { readonly from: 'push'; readonly text: ConfigText };

export interface ReloadJob {
  readonly trigger: ReloadTrigger;
  readonly source: Source;
  readonly force: boolean;
  readonly dryRun: boolean;
  /** Gives up before anything is changed. */
  readonly signal?: AbortSignal | undefined;
}

interface ReloadPipelineOptions extends Pick<ResolvedOptions, 'path' | 'maxConfigBytes' | 'target' | 'clock'> {
  readonly validate: Validate;
  readonly observers: ObserverList;
  readonly lineage: FileLineage;
  /** Aborts when the manager stops. */
  readonly stopping: AbortSignal;
}

/** load → validate → hand to the target → swap in one step → notify. What runs is replaced here and nowhere else. */
export class ReloadPipeline {
  readonly #options: ReloadPipelineOptions;
  #running: Running | null = null;

  constructor(options: ReloadPipelineOptions) {
    this.#options = options;
  }

  get running(): Running | null {
    return this.#running;
  }

  readFile(signal?: AbortSignal): Promise<FileRead> {
    const { path, maxConfigBytes: maxBytes } = this.#options;
    return readConfigFile({ path, maxBytes, ...(signal ? { signal } : {}) });
  }

  /** One reload; every way in which it can end is an outcome. Two at a time only where all but one are dry runs. Never rejects. */
  async run(
    job: ReloadJob,
    work: ReloadWork,
    skip: { target?: boolean; observers?: boolean } = {},
  ): Promise<ReloadOutcome> {
    const loaded = await this.#load(job);
    const before = this.#running;
    work.from(before);
    if (loaded.kind === 'failed') return work.failed(loaded.reason, loaded.message);
    if (before?.hash === loaded.hash && !job.force) {
      if (job.source.from === 'file' && !job.dryRun) this.#options.lineage.caughtUp();
      return work.succeeded('Unchanged', before);
    }
    if (before && this.#isLeftBehind(job, loaded.hash)) return work.succeeded('FileSuperseded', before);

    const validated = await this.#validate(loaded, work);
    if ('reason' in validated) return validated;
    const { config, warnings } = validated;
    const candidate: Candidate = { bytes: loaded.bytes, hash: loaded.hash, config: deepFreeze(config) };
    if (job.dryRun) return work.succeeded('DryRun', candidate, warnings);
    if (job.signal?.aborted)
      return work.failed('Aborted', 'the caller went away before anything was changed', { hash: candidate.hash });

    const handedOver = skip.target ? 'Reloaded' : await this.#handOver(candidate, work);
    if (typeof handedOver !== 'string') return handedOver;
    this.#swap(candidate, job.source.from);
    if (!skip.observers) await this.#options.observers.notify(before?.config ?? null, candidate.config);
    return work.succeeded(handedOver, candidate, warnings);
  }

  async #load({ source, signal, dryRun }: ReloadJob): Promise<FileRead> {
    const { maxConfigBytes, lineage } = this.#options;
    if (source.from === 'push') {
      if (source.text.bytes.length <= maxConfigBytes) return source.text;
      return {
        kind: 'failed',
        reason: 'ConfigTooLarge',
        message: `the pushed text is larger than ${maxConfigBytes} bytes`,
      };
    }
    const read = source.text ?? (await this.readFile(signal));
    if (!dryRun) lineage.see(read);
    return read;
  }

  /** Whether the file only holds what a push replaced. A named hash, `force` and a rollback may go back. */
  #isLeftBehind(job: ReloadJob, hash: string): boolean {
    const isPlainRead = job.source.from === 'file' && job.source.text === undefined;
    return isPlainRead && !job.force && job.trigger !== 'rollback' && this.#options.lineage.isSuperseded(hash);
  }

  async #validate(
    text: ConfigText,
    work: ReloadWork,
  ): Promise<ReloadOutcome | Extract<ValidationOutcome, { valid: true }>> {
    const { hash, bytes } = text;
    const unable = (why: string) => work.failed('ValidatorFailed', `the text could not be validated: ${why}`, { hash });
    try {
      const validated = await this.#options.validate(bytes);
      if (validated.hash !== hash) return unable(`the validator answered for ${validated.hash}`);
      if (validated.valid) return validated;
      const { violations, warnings } = validated;
      return work.failed('ValidationFailed', describeViolations(violations), { hash, violations, warnings });
    } catch (error) {
      return unable(describeError(error));
    }
  }

  /** The reason of success, or how it failed. */
  async #handOver(candidate: Candidate, work: ReloadWork): Promise<ReloadOutcome['reason'] | ReloadOutcome> {
    const { target, stopping } = this.#options;
    if (!target) return 'Reloaded';
    const { hash } = candidate;
    try {
      if (target.readsFile && !(await this.#isStillInFile(hash))) {
        return work.failed('FileUnstable', 'the file changed while its text was validated; the next look loads it', {
          hash,
        });
      }
      return await target.apply(candidate, stopping);
    } catch (error) {
      if (error instanceof ReloadTargetError) return work.failed(error.reason, error.message, { hash });
      return work.failed('ExecFailed', `the target failed: ${describeError(error)}`, { hash });
    }
  }

  async #isStillInFile(hash: string): Promise<boolean> {
    const read = await this.readFile();
    return read.kind === 'text' && read.hash === hash;
  }

  /** The one step in which the configuration changes. */
  #swap({ config, hash }: Candidate, from: Source['from']): void {
    const { clock, lineage } = this.#options;
    const oldHash = this.#running?.hash ?? null;
    this.#running = Object.freeze({ config, hash, origin: from, since: clock.now().toISOString() });
    if (from === 'push') lineage.pushed({ from: oldHash, to: hash, nowMs: clock.monotonicMs() });
    else lineage.caughtUp();
  }
}
