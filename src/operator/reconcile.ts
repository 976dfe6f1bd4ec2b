import type { AddressRules } from '../core/address-rules.ts';
import { decide } from '../core/decide.ts';
import type { ReloadPlan } from '../core/plan-reload.ts';
import { targetId } from '../core/target.ts';
import type { Logger } from 'pino';
import { type Action, awaitChange, requeueAfter } from '../runtime/reconciler.ts';
import { isOpen } from './changes.ts';
import type { InFlight } from './in-flight.ts';
import type { KnownConfigs } from './known-configs.ts';
import { observe, queryOf, type Observation } from './observe.ts';
import type { Ports, TokenReading } from './ports.ts';
import { Recorder } from './record.ts';
import { reloadTarget } from './reload-target.ts';
import type { RetryBook } from './retry-book.ts';
import { provide } from './provide.ts';
import { restartNext } from './restart-next.ts';
import { soakCanaries } from './soak.ts';
import { rollOut, type RolloutResult } from './rollout.ts';

/** What the story is told with: made once, by `run-operator.ts`. */
export interface Operator {
  readonly ports: Ports;
  readonly logger: Logger;
  readonly addresses: AddressRules;
  readonly strategies: readonly ('endpoint' | 'signal')[];
  /** Targets of one source worked on at the same time. */
  readonly podConcurrency: number;
  /** How long canaries are watched before the rest follows, milliseconds. */
  readonly soakMs: number;
  readonly inFlight: InFlight;
  readonly knownConfigs: KnownConfigs;
  readonly retries: RetryBook;
  /** Sources of which this process has written down what it saw. */
  readonly lookedAt: Set<string>;
}

/**
 * The story of one source, told from the present each time: observe → decide → act → record.
 * Nothing is remembered between two calls that the next one needs: status and pods hold it all.
 */
export async function reconcile(key: string, operator: Operator, signal: AbortSignal): Promise<Action> {
  const observed = await observe(key, operator, signal);
  if (!observed) return forget(key, operator);

  warn(key, observed, operator.logger);
  const plan = decide(observed, operator.ports.clock.now());
  const recorder = new Recorder(key, observed, operator);
  switch (plan.kind) {
    case 'ignore':
      return forget(key, operator);
    case 'reject':
    case 'hold':
    case 'pause':
    case 'stayHalted':
    case 'dryRun':
      await recorder.note(plan, signal);
      return awaitChange();
    case 'reload': {
      await recorder.begin(plan, signal); // who cannot record does not act
      const provision = await provide(observed, plan, { operator, signal });
      if (provision === 'restored') return requeueAfter(0);
      if (provision !== 'provided') return recorder.hold(provision, signal);
      const result = await act(key, observed, plan, { operator, signal });
      if (result === 'superseded') {
        await recorder.cutOff(plan, signal);
        return requeueAfter(0);
      }
      const action = await recorder.conclude(plan, result, signal);
      return (await restartNext(observed, plan, result, { operator, signal })) ?? action;
    }
  }
}

/** Brings the due targets to the new text. A newer text, or the end of the consent, cuts it short. */
async function act(
  key: string,
  observed: Observation,
  plan: ReloadPlan,
  { operator, signal }: { operator: Operator; signal: AbortSignal },
): Promise<RolloutResult | 'superseded'> {
  const query = queryOf(observed, operator.addresses);
  if (!query || plan.due.length === 0) return { outcomes: [], untouched: [] };
  using flight = operator.inFlight.begin(key, {
    uid: observed.source.uid,
    hash: plan.sourceHash,
    policy: plan.policy,
  });
  const both = AbortSignal.any([signal, flight.signal]);
  try {
    const job = {
      query,
      hash: plan.accepted.hash,
      content: plan.content,
      trigger: plan.trigger,
      isForced: plan.isForced,
      request: plan.request,
      timeoutMs: plan.policy.timeoutMs,
      token: await readToken(observed, plan, operator.ports, both),
      strategies: operator.strategies,
      crashed: crashedBy(plan, observed),
      confirm: () => operator.inFlight.notice(key),
      seenAt: seenAt(plan, observed, operator.ports.clock),
      isImmutable: observed.source.isImmutable && plan.policy.publishTo === undefined,
    };
    return await rollOut({
      due: plan.due,
      total: observed.found.targets.length,
      policy: plan.policy,
      concurrency: operator.podConcurrency,
      settled: plan.isNew ? [] : plan.settled,
      reload: (target, onProven) => reloadTarget(target, { ...job, onProven }, operator.ports, both),
      soak: (canaries) => soakCanaries(canaries, { job, soakMs: operator.soakMs, ports: operator.ports }, both),
    });
  } catch (error) {
    if (flight.signal.aborted && !signal.aborted) return 'superseded';
    throw error;
  }
}

/** Of what has no effect because of its name, once for each version of the source. */
function warn(source: string, { reading, status, source: { resourceVersion } }: Observation, logger: Logger): void {
  if (reading.kind !== 'optedIn' || reading.warnings.length === 0 || status.observedResourceVersion === resourceVersion)
    return;
  logger.warn({ source, warnings: reading.warnings }, 'annotations that are not known have no effect');
}

function seenAt(plan: ReloadPlan, observed: Observation, clock: Ports['clock']): number | undefined {
  if (!isOpen(plan, observed)) return undefined;
  const before = plan.isNew ? NaN : clock.now().getTime() - Date.parse(observed.status.observedTime);
  return clock.monotonic() - (before > 0 ? before : 0);
}

function crashedBy({ accepted: { hash } }: ReloadPlan, { status }: Observation): ReadonlyMap<string, string> {
  const crashed = status.pods.filter((pod) => pod.reason === 'ProcessCrashed' && pod.hash === hash);
  return new Map(crashed.map((pod) => [targetId(pod), pod.containerID]));
}

async function readToken(
  { source: { namespace } }: Observation,
  { policy: { tokenSecret } }: ReloadPlan,
  ports: Ports,
  signal: AbortSignal,
): Promise<TokenReading | undefined> {
  if (tokenSecret === undefined) return undefined;
  return ports.sources.readToken({ namespace, secret: tokenSecret }, signal);
}

function forget(key: string, operator: Operator): Action {
  operator.retries.forget(key);
  operator.lookedAt.delete(key);
  operator.ports.metrics.forgetSource(key);
  return awaitChange();
}
