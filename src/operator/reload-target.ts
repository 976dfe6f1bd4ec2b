import { findTargets, type TargetQuery } from '../core/find-targets.ts';
import { type TargetReason, targetReasons } from '../core/reasons.ts';
import type { ReloadTrigger } from '../core/reload-event.ts';
import { type EndpointChannel, type SignalChannel, type Target, targetId, type TargetOutcome } from '../core/target.ts';
import type { AttemptResult, Ports, TokenReading } from './ports.ts';

/** What every target of a rollout is brought to. */
export interface ReloadJob {
  readonly query: TargetQuery;
  readonly hash: string;
  readonly content: Uint8Array;
  readonly trigger: ReloadTrigger;
  readonly isForced: boolean;
  readonly request: string;
  readonly timeoutMs: number;
  /** Bearer token for endpoints; undefined: none is named. */
  readonly token: TokenReading | undefined;
  readonly strategies: readonly ('endpoint' | 'signal')[];
  /** Containers (by target id) that ended after the signal for this very text: id of the instance that ended. */
  readonly crashed: ReadonlyMap<string, string>;
  /** The ConfigMap that is mounted says `immutable: true`. */
  readonly isImmutable: boolean;
  /** When the change that is rolled out was seen, monotonic milliseconds; undefined: it was rolled out before. */
  readonly seenAt: number | undefined;
  /** Asked before a target is tried again: aborts the rollout where its source has changed, or opted out, and no watch told so yet. */
  readonly confirm: () => Promise<void>;
  /** Told when a target is proven, before that is recorded. */
  readonly onProven?: () => void;
}

/** How long one exec waits for the file before the kubelet is nudged again, milliseconds. */
const NUDGE_EVERY_MS = 2_000;
/** An endpoint that takes longer than this gets the kubelet's help, milliseconds. */
const SLOW_ENDPOINT_MS = 500;
/** How long one exec waits where the file either follows the edit that made it immutable, or never, milliseconds. */
const IMMUTABLE_MS = 6_000;
const EXEC_OVERHEAD_MS = 8_000;
const RETRY_MS = { first: 100, most: 2_000 };

/** Brings one target to the job's hash and proves it, within its time limit. Rejects only when `signal` aborts. */
export async function reloadTarget(
  planned: Target,
  job: ReloadJob,
  ports: Ports,
  signal: AbortSignal,
): Promise<TargetOutcome> {
  const started = ports.clock.monotonic();
  const attempt = new TargetReload(planned, job, ports, signal);
  const { reason, message, hash } = await attempt.run();
  signal.throwIfAborted();
  const durationMs = ports.clock.monotonic() - started;
  const { result } = targetReasons[reason];
  const strategy = attempt.target.channel.kind;
  ports.metrics.targetConcluded(strategy, result, durationMs / 1000);
  return { target: attempt.target, result, reason, message, hash, durationMs };
}

/** The life of one target in one rollout: look afresh, try until it is proven or the time is over, record. */
class TargetReload {
  target: Target;
  readonly #plannedInstance: string;
  readonly #job: ReloadJob;
  readonly #ports: Ports;
  readonly #signal: AbortSignal;
  readonly #deadline: number;

  constructor(planned: Target, job: ReloadJob, ports: Ports, signal: AbortSignal) {
    this.target = planned;
    this.#plannedInstance = planned.running.containerId;
    this.#job = job;
    this.#ports = ports;
    this.#signal = signal;
    this.#deadline = ports.clock.monotonic() + job.timeoutMs;
  }

  async run(): Promise<AttemptResult> {
    let pause = RETRY_MS.first;
    for (;;) {
      const result = await this.#tryOnce();
      // A token is read once for a rollout: another attempt of this one would have none either.
      if (targetReasons[result.reason].next !== 'retry' || result.reason === 'TokenSecretMissing') return result;
      if (this.#left() <= pause) return result;
      await this.#ports.clock.sleep(pause, this.#signal);
      await this.#job.confirm();
      this.#signal.throwIfAborted();
      pause = Math.min(pause * 2, RETRY_MS.most);
    }
  }

  async #tryOnce(): Promise<AttemptResult> {
    try {
      if (!(await this.#lookAfresh())) return gone;
      const result = this.#isSettled() ? settled(this.#job.hash) : await this.#reload(this.target);
      if (targetReasons[result.reason].result === 'success') {
        this.#job.onProven?.();
        return await this.#record(this.#nameRestart(result));
      }
      return await this.#explain(result);
    } catch (error) {
      this.#signal.throwIfAborted();
      return {
        reason: 'RecordFailed',
        message: error instanceof Error ? error.message : 'the API call failed',
        hash: null,
      };
    }
  }

  /** Reads the pod from the API server: still there, the same uid, still a target, and where it is now. */
  async #lookAfresh(): Promise<boolean> {
    const pod = await this.#ports.pods.read(this.target, this.#signal);
    const now =
      pod && findTargets([pod], this.#job.query).targets.find(({ container }) => container === this.target.container);
    if (now) this.target = now;
    return now !== undefined;
  }

  #isSettled(): boolean {
    const { record } = this.target;
    return record?.hash === this.#job.hash && record.request === this.#job.request;
  }

  #reload({ channel }: Target): Promise<AttemptResult> {
    if (!this.#job.strategies.includes(channel.kind)) {
      return Promise.resolve(
        fail('StrategyDisabled', `the controller was started without the strategy ${channel.kind}`),
      );
    }
    return channel.kind === 'endpoint' ? this.#callEndpoint(channel) : this.#sendSignal(channel);
  }

  async #callEndpoint(channel: EndpointChannel): Promise<AttemptResult> {
    const { hash, content, trigger, isForced, token } = this.#job;
    if (typeof token === 'string') return noToken[token];
    const deadlineMs = Math.max(1, this.#left());
    const answered = new AbortController();
    if (this.target.isMounted) void this.#nudgeUnless(answered.signal);
    try {
      const request = { channel, hash, content, trigger, isForced, token: token?.token, deadlineMs };
      return await this.#ports.endpoints.attempt(request, this.#signal);
    } finally {
      answered.abort();
    }
  }

  /** An endpoint that does not answer soon may wait for its file, as a sidecar does that signals the process beside it. */
  async #nudgeUnless(answered: AbortSignal): Promise<void> {
    try {
      await this.#ports.clock.sleep(SLOW_ENDPOINT_MS, AbortSignal.any([answered, this.#signal]));
      await this.#nudge();
    } catch {
      // It has answered, or the rollout was cut short.
    }
  }

  async #sendSignal(channel: SignalChannel): Promise<AttemptResult> {
    // Its file had this text before that instance ended: this one started with it, and is not signalled to its end again.
    const ended = this.#job.crashed.get(targetId(this.target));
    if (ended !== undefined && ended !== this.target.running.containerId) return startedWith(this.#job.hash);
    const attempt = async (waitMs: number) => {
      const startedAt = this.#ports.clock.monotonic();
      const result = await this.#ports.signals.attempt(
        {
          target: this.target,
          channel,
          hash: this.#job.hash,
          waitMs,
          isForced: this.#job.isForced,
          deadlineMs: Math.min(this.#left(), waitMs + EXEC_OVERHEAD_MS),
        },
        this.#signal,
      );
      this.#measurePropagation(startedAt, result);
      return result;
    };
    // A container without a record has most likely started with this text: look before the kubelet is disturbed.
    if (!this.target.record) {
      const first = await attempt(0);
      if (first.reason !== 'PropagationTimeout' && first.reason !== 'FileMissing') return first;
    }
    const waitMs = this.#job.isImmutable ? IMMUTABLE_MS : NUDGE_EVERY_MS;
    const [result] = await Promise.all([attempt(Math.min(waitMs, this.#left())), this.#nudge()]);
    if (this.#job.isImmutable && result.reason === 'PropagationTimeout') return immutable;
    return result;
  }

  #measurePropagation(startedAt: number, { provenAfterMs }: AttemptResult): void {
    const { seenAt } = this.#job;
    if (provenAfterMs === undefined || seenAt === undefined) return;
    this.#ports.metrics.fileProven(Math.max(0, startedAt + provenAfterMs - seenAt) / 1000);
  }

  /** Without it the file comes all the same, some 60 to 90 s later: a failed nudge is no failure of its own. */
  async #nudge(): Promise<void> {
    await this.#ports.pods.nudge(this.target, this.#job.hash, this.#signal).catch(() => this.#signal.throwIfAborted());
  }

  async #record(result: AttemptResult): Promise<AttemptResult> {
    const { query, hash, request } = this.#job;
    const isRecorded =
      this.#isSettled() ||
      (await this.#ports.pods.record(this.target, { source: query.source, hash, request }, this.#signal));
    return isRecorded ? result : gone;
  }

  #nameRestart(result: AttemptResult): AttemptResult {
    const isSameInstance = this.target.running.containerId === this.#plannedInstance;
    return result.reason === 'StartedWithConfig' && !isSameInstance
      ? { ...result, reason: 'SupersededByRestart' }
      : result;
  }

  /** A failed exec is often the end of the pod or of its container: say which. */
  async #explain(result: AttemptResult): Promise<AttemptResult> {
    if (!isBroken(result.reason)) return result;
    const attempted = this.target.running.containerId;
    if (!(await this.#lookAfresh())) return gone;
    const hasRestarted = this.target.running.containerId !== attempted;
    return hasRestarted ? fail('ProcessCrashed', 'the container restarted while it was being reloaded') : result;
  }

  #left(): number {
    return this.#deadline - this.#ports.clock.monotonic();
  }
}

/** The exec broke off: whether the signal came to the process is not known. */
const isBroken = (reason: TargetReason) => reason === 'ExecFailed' || reason === 'ExecTimeout';

const immutable = fail(
  'SourceImmutable',
  'the ConfigMap is immutable, and kubelets do not update files from it; restart the pod, or offer an endpoint',
);

const noToken = {
  missing: fail('TokenSecretMissing', 'the Secret that token-secret names has no key token that can be read'),
  unfit: fail('TokenSecretMissing', 'token-secret names a service account token; those are never sent to a pod'),
  forbidden: fail(
    'TokenSecretMissing',
    'the controller may not read Secrets; the chart grants it by features.tokenSecret',
  ),
};

const gone: AttemptResult = {
  reason: 'TargetGone',
  message: 'the pod is gone, or uses the source no more',
  hash: null,
};

function startedWith(hash: string): AttemptResult {
  return { reason: 'StartedWithConfig', message: '', hash };
}

function settled(hash: string): AttemptResult {
  return { reason: 'AlreadyCurrent', message: '', hash };
}

function fail(reason: TargetReason, message: string): AttemptResult {
  return { reason, message, hash: null };
}
