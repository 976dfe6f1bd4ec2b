import { readPolicy } from '../core/annotations.ts';
import type { AddressRules } from '../core/address-rules.ts';
import type { ConfigReloadStatus } from '../core/configreload.ts';
import type { ConfigReading, Observed } from '../core/decide.ts';
import { findTargets, type TargetQuery } from '../core/find-targets.ts';
import { doubtUnseen } from '../core/doubt.ts';
import type { PodView } from '../core/pod-view.ts';
import { type ConfigMapData, selectKey } from '../core/select-key.ts';
import type { LeIndexConfig } from '../core/leindex-config.ts';
import { policyFingerprint } from '../core/policy-fingerprint.ts';
import { overrideOf, type Rollback } from '../core/rollback.ts';
import { repairStatus } from '../core/status.ts';
import type { KnownConfigs } from './known-configs.ts';
import type { Ports, SourceRef, StoredReload } from './ports.ts';

/** Everything a decision about one source rests on. */
export interface Observation extends Observed {
  readonly source: SourceRef;
  /** undefined: the source has no ConfigReload yet. */
  readonly stored: StoredReload | undefined;
}

export interface Observer {
  readonly ports: Ports;
  readonly addresses: AddressRules;
  readonly knownConfigs: KnownConfigs;
  /** Sources of which this process has written down what it saw. */
  readonly lookedAt: ReadonlySet<string>;
}

/** Reads the present: source and ConfigReload from the API server, pods from the watch. undefined: there is no such source. */
export async function observe(key: string, observer: Observer, signal: AbortSignal): Promise<Observation | undefined> {
  const { ports, addresses } = observer;
  // Both at once: the time from an edit to its effect is made of round trips.
  const [read, reload] = await Promise.all([ports.sources.read(key, signal), settle(ports.reloads.read(key, signal))]);
  if (!read || read.isTerminating) return undefined;
  // Hundreds of sources may be under way: what else the ConfigMap holds is not kept meanwhile.
  const { data, binaryData, annotations, ...source } = read;
  const reading = readPolicy(annotations);
  if (reading.kind === 'notOptedIn') return { source, stored: undefined, reading, ...NOTHING };

  const stored = reload();
  // What belonged to a deleted ConfigMap of the same name is history, and nothing else.
  const kept = repairStatus(stored?.ownerUid === source.uid ? stored.status : pastOf(stored));
  const isFirstLook = !observer.lookedAt.has(key);
  const status = isFirstLook ? { ...kept, doubt: doubtUnseen(kept, source.resourceVersion) } : kept;
  const config = await readConfig(key, { data: { data, binaryData }, reading, status }, { ports, signal });
  const query = queryOf({ source, reading, config }, addresses);
  const found = query ? findTargets(candidatesOf(source, query, ports), query) : NOTHING.found;
  return { source, stored, reading, config, status, found, appliedConfig: await readApplied() };

  /** Only a text that is new is compared with what runs. */
  async function readApplied(): Promise<LeIndexConfig | null> {
    if (config.kind !== 'accepted' || config.outcome.hash === status.desiredHash) return null;
    return observer.knownConfigs.applied(key, status, signal);
  }
}

/** What a call came to, to be taken or thrown where it is needed. */
async function settle<T>(call: Promise<T>): Promise<() => T> {
  try {
    const value = await call;
    return () => value;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

/** How the targets of a source are found; undefined where policy or config cannot be read. */
export function queryOf(
  { source, reading, config }: Pick<Observation, 'source' | 'reading' | 'config'>,
  addresses: AddressRules,
): TargetQuery | undefined {
  if (reading.kind !== 'optedIn' || (config.kind !== 'accepted' && config.kind !== 'rejected')) return undefined;
  const { policy } = reading;
  return { source: source.name, mounted: policy.publishTo ?? source.name, key: config.key, policy, addresses };
}

/** Only a selector can name pods that do not say themselves that they use the source. */
function candidatesOf({ namespace }: SourceRef, { mounted, policy }: TargetQuery, { pods }: Ports): readonly PodView[] {
  return policy.selector === undefined ? pods.usersOf(namespace, mounted) : pods.inNamespace(namespace);
}

const NOTHING = {
  config: { kind: 'unread' },
  status: repairStatus(undefined),
  found: { targets: [], skipped: [], pending: [] },
  appliedConfig: null,
} as const satisfies Omit<Observed, 'reading'>;

function pastOf(stored: StoredReload | undefined): Partial<ConfigReloadStatus> {
  const { history, stats } = repairStatus(stored?.status);
  return { history, stats };
}

/** The text that is to run: the source's, or that of the revision that a rollback names. */
async function readConfig(
  name: string,
  { data, reading, status }: Pick<Observation, 'reading' | 'status'> & { data: ConfigMapData },
  { ports, signal }: { ports: Ports; signal: AbortSignal },
): Promise<ConfigReading> {
  if (reading.kind !== 'optedIn') return { kind: 'unread' };
  const { policy } = reading;
  const selected = selectKey(data, policy.key);
  if (!selected.found) return { kind: 'keyMissing', message: selected.message };
  const { key, content } = selected;
  const outcome = await ports.validate(content);
  if (!outcome.valid) return { kind: 'rejected', key, outcome };

  const sourceHash = outcome.hash;
  const override = overrideOf(policy, status, sourceHash);
  if (override.kind === 'none') return { kind: 'accepted', key, content, outcome, sourceHash, rollback: undefined };
  if (override.kind === 'impossible') return { kind: 'rollbackImpossible', sourceHash, message: override.message };

  const { revision: toRevision, cause } = override;
  const revision = await ports.revisions.read(name, toRevision, signal);
  if (!revision) return { kind: 'rollbackImpossible', sourceHash, message: `there is no revision ${toRevision}` };
  const earlier = await ports.validate(revision.content);
  if (!earlier.valid) {
    return { kind: 'rollbackImpossible', sourceHash, message: `revision ${toRevision} is not valid any more` };
  }
  if (override.hash !== undefined && override.hash !== earlier.hash) {
    return {
      kind: 'rollbackImpossible',
      sourceHash,
      message: `revision ${toRevision} is not the text that was rolled back to`,
    };
  }
  if (earlier.hash === sourceHash) return { kind: 'accepted', key, content, outcome, sourceHash, rollback: undefined };
  const rollback: Rollback = {
    fromHash: sourceHash,
    fromRevision: status.rollback?.fromHash === sourceHash ? status.rollback.fromRevision : status.desiredRevision,
    toHash: earlier.hash,
    toRevision,
    cause,
    policy: policyFingerprint(policy),
    isRestored: status.rollback?.fromHash === sourceHash && status.rollback.isRestored,
  };
  return { kind: 'accepted', key, content: revision.content, outcome: earlier, sourceHash, rollback };
}
