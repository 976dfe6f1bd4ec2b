import { findTargets } from '../core/find-targets.ts';
import type { Target, TargetOutcome } from '../core/target.ts';
import type { Ports } from './ports.ts';
import type { ReloadJob } from './reload-target.ts';

/**
 * Waits, and looks at the canaries again: the same container, not restarted, ready, and, by endpoint, still saying the hash.
 * Returns those that are not well; a canary that went away is not one of them.
 */
export async function soakCanaries(
  canaries: readonly Target[],
  { job, soakMs, ports }: { job: ReloadJob; soakMs: number; ports: Ports },
  signal: AbortSignal,
): Promise<readonly TargetOutcome[]> {
  if (canaries.length === 0) return [];
  const started = ports.clock.monotonic();
  await ports.clock.sleep(soakMs, signal);
  const complaints = await Promise.all(canaries.map((canary) => complaintOf(canary)));
  return canaries.flatMap((target, index): TargetOutcome[] => {
    const message = complaints[index];
    if (message === undefined) return [];
    const durationMs = ports.clock.monotonic() - started;
    return [{ target, result: 'io_error', reason: 'CanaryUnhealthy', message, hash: null, durationMs }];
  });

  async function complaintOf(canary: Target): Promise<string | undefined> {
    const pod = await ports.pods.read(canary, signal);
    const now = pod && findTargets([pod], job.query).targets.find(({ container }) => container === canary.container);
    if (!now) return pod?.isTerminating === false ? 'the container does not run any more' : undefined;
    if (now.running.containerId !== canary.running.containerId) return 'the container restarted after the reload';
    if (canary.running.isReady && !now.running.isReady) return 'the container is not ready any more';
    return now.channel.kind === 'endpoint' ? askEndpoint(now) : undefined;
  }

  async function askEndpoint({ channel }: Target): Promise<string | undefined> {
    const { hash, content, trigger, token } = job;
    if (channel.kind !== 'endpoint' || typeof token === 'string') return undefined;
    const request = { channel, hash, content, trigger, isForced: false, token: token?.token, deadlineMs: 5_000 };
    const { reason, message } = await ports.endpoints.attempt(request, signal);
    return reason === 'AlreadyCurrent'
      ? undefined
      : `the endpoint does not run the text any more: ${reason} ${message}`;
  }
}
