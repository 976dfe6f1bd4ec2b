import type { ReloadPlan } from '../core/plan-reload.ts';
import type { Rollback } from '../core/rollback.ts';
import { Announcer } from './announce.ts';
import type { Observation } from './observe.ts';
import type { Operator } from './reconcile.ts';

/**
 * Brings the text to where the targets read it: into the ConfigMap that `publish-to` names, or, for a rollback of targets that
 * read the source itself, back into the source. `restored`: the source has the text now, and is looked at anew.
 */
export async function provide(
  { source, status, found }: Observation,
  plan: ReloadPlan,
  { operator, signal }: { operator: Operator; signal: AbortSignal },
): Promise<'provided' | 'restored' | Refusal> {
  const { policy, key, content, accepted, rollback } = plan;
  const { sources, events } = operator.ports;
  const announcer = new Announcer(source, events);
  if (policy.publishTo !== undefined) {
    if (!plan.isNew && plan.due.length === 0 && status.publishedHash === accepted.hash) return 'provided';
    const result = await sources.publish(source, { name: policy.publishTo, key, content }, signal);
    if (result === 'published') announcer.published(policy.publishTo, accepted.hash);
    if (result === 'published' || result === 'unchanged') return 'provided';
    return { reason: 'PublishRefused', message: whyNotPublished(policy.publishTo)[result] };
  }
  // Those that are settled or down, too: at its next start, after a crash, say, each reads what the source has.
  const needsSource =
    found.targets.some(({ channel }) => channel.kind === 'signal') ||
    found.pending.some(({ strategy }) => strategy === 'signal');
  if (!rollback || rollback.isRestored || !needsSource) return 'provided';
  const result = await sources.restore(source, { key, content }, signal);
  if (result === 'forbidden') return { reason: 'RollbackImpossible', message: whyNotRestored(rollback) };
  announcer.restored(rollback.toRevision, rollback.fromRevision);
  return 'restored';
}

/** Why the text cannot be brought there; it is tried again, for permissions are given and ConfigMaps deleted unseen. */
export interface Refusal {
  readonly reason: 'PublishRefused' | 'RollbackImpossible';
  readonly message: string;
}

const NO_WRITING = 'the controller may not write ConfigMaps here; the chart grants it by features.publish';

const whyNotPublished = (name: string) => ({
  refused: `ConfigMap ${name} exists and is not this source's own; name another one with publish-to, or delete it`,
  forbidden: `ConfigMap ${name} cannot be written: ${NO_WRITING}`,
});

const whyNotRestored = ({ fromRevision, toRevision }: Rollback) =>
  `revision ${fromRevision} is not to run, and the data cannot be set back to revision ${toRevision}: ${NO_WRITING}`;
