import type { HistoryEntry } from '../core/configreload.ts';
import type { SkippedUse } from '../core/find-targets.ts';
import type { SourceReason } from '../core/reasons.ts';
import type { TargetOutcome } from '../core/target.ts';
import { shortHash } from '../core/content-hash.ts';
import { describeFailures, describeSkipped, describeSuccess } from './describe.ts';
import type { EventPort, Regarding, SourceRef } from './ports.ts';
import { hasFailed } from './rollout.ts';

/** Says on ConfigMap and pods what happened, in the words of the contract. */
export class Announcer {
  readonly #source: SourceRef;
  readonly #events: EventPort;
  readonly #regarding: Regarding;

  constructor(source: SourceRef, events: EventPort) {
    this.#source = source;
    this.#events = events;
    const { namespace, name, uid } = source;
    this.#regarding = { kind: 'ConfigMap', namespace, name, uid };
  }

  rejected(reason: SourceReason, message: string): void {
    const eventReason =
      reason === 'KeyMissing' ? 'FileNotFound' : reason === 'InvalidAnnotation' ? reason : 'ValidationFailed';
    this.#warn(eventReason, 'Validate', `${message}; nothing was reloaded`);
  }

  held(reason: SourceReason, message: string): void {
    this.#warn('ReloadFailed', 'Reload', `${reason}: ${message}`);
  }

  published(name: string, hash: string): void {
    const note = `the validated text ${shortHash(hash)} was written to ConfigMap ${name}`;
    this.#say('Normal', { reason: 'Published', action: 'Publish', note });
  }

  restored(revision: number, failed: number): void {
    const why = 'the pods that are reloaded by signal read this ConfigMap';
    const note = `revision ${failed} failed: the data of this ConfigMap was set back to revision ${revision}, since ${why}`;
    this.#say('Normal', { reason: 'RolledBack', action: 'Rollback', note });
  }

  dryRun(message: string): void {
    this.#say('Normal', { reason: 'DryRun', action: 'Plan', note: message });
  }

  concluded(entry: HistoryEntry): void {
    const { result, reason, revision, newHash, targets, changes, durationMs, errorMessage } = entry;
    if (result === 'success') {
      const { reloaded: done, total } = targets;
      const note = describeSuccess({
        revision,
        hash: newHash,
        done,
        total,
        pending: targets.pending,
        changes,
        isFirst: entry.oldHash === '',
        durationMs,
      });
      const eventReason = reason === 'RolledBack' ? reason : 'ReloadSucceeded';
      this.#say('Normal', { reason: eventReason, action: 'Reload', note });
      // An edit that no pod sees is most likely a mistake; a new ConfigMap without pods is not.
      if (total === 0 && entry.oldHash !== '') this.#warn('NoTargets', 'Reload', 'no running pod uses this ConfigMap');
      return;
    }
    const eventReason =
      reason === 'RolloutHalted' ? reason : result === 'already_in_progress' ? 'ReloadInProgress' : 'ReloadFailed';
    const { reloaded, total, pending } = targets;
    const state = total === 0 ? '' : `${reloaded}/${total} targets run it, ${pending} pending; `;
    this.#warn(eventReason, 'Reload', `revision ${revision} (${shortHash(newHash)}): ${state}${errorMessage}`);
  }

  /** Targets that came after the rollout, or failed since. */
  failedSince(revision: number, hash: string, failures: readonly TargetOutcome[]): void {
    this.#warn('ReloadFailed', 'Reload', `revision ${revision} (${shortHash(hash)}): ${describeFailures(failures)}`);
  }

  skipped(skipped: readonly SkippedUse[]): void {
    this.#warn('PodSkipped', 'Reload', describeSkipped(skipped));
  }

  notRestarted({ pod, reason }: SkippedUse): void {
    const why = 'the controller may not evict pods; the chart grants it by features.restart';
    this.#warn('PodSkipped', 'Restart', `${pod} (${reason}) cannot be restarted, as on-unreloadable asks: ${why}`);
  }

  /** On each pod that was touched; a pod that had read the text itself has nothing to hear. */
  targets(outcomes: readonly TargetOutcome[], hash: string): void {
    for (const outcome of outcomes) {
      const { target, reason, message, durationMs } = outcome;
      const pod = { kind: 'Pod', namespace: target.namespace, name: target.pod, uid: target.uid } as const;
      const where = `container ${target.container}`;
      const about = { regarding: pod, related: this.#regarding, action: 'Reload' };
      if (hasFailed(outcome)) {
        const note = `${where} was not brought to ${this.#source.name} ${shortHash(hash)}: ${reason}, ${message}`;
        this.#events.announce({ ...about, type: 'Warning', reason: 'ConfigReloadFailed', note });
      } else if (reason === 'SignalDelivered' || reason === 'EndpointConfirmed') {
        const note = `${where} runs ${this.#source.name} ${shortHash(hash)} after ${Math.round(durationMs)} ms (${reason})`;
        this.#events.announce({ ...about, type: 'Normal', reason: 'ConfigReloaded', note });
      }
    }
  }

  #warn(reason: string, action: string, note: string): void {
    this.#say('Warning', { reason, action, note });
  }

  #say(type: 'Normal' | 'Warning', words: { reason: string; action: string; note: string }): void {
    this.#events.announce({ regarding: this.#regarding, type, ...words });
  }
}
