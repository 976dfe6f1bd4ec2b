import { readPolicy } from '../core/annotations.ts';
import type { AddressRules } from '../core/address-rules.ts';
import type { ConfigReloadStatus } from '../core/configreload.ts';
import type { ConfigReading, Observed } from '../core/decide.ts';
import { findTargets, type FoundTargets, type TargetQuery } from '../core/find-targets.ts';
import { selectKey } from '../core/select-key.ts';
import { repairStatus } from '../core/status.ts';
import type { Ports, Source, StoredReload } from './ports.ts';

/** Everything a decision about one source rests on. */
export interface Observation extends Observed {
  readonly source: Source;
  /** undefined: the source has no ConfigReload yet. */
  readonly stored: StoredReload | undefined;
}

const NO_USES: FoundTargets = { targets: [], skipped: [], pending: [] };

/** Reads the present: source and ConfigReload from the API server, pods from the watch. undefined: there is no such source. */
export async function observe(
  key: string,
  { ports, addresses }: { ports: Ports; addresses: AddressRules },
  signal: AbortSignal,
): Promise<Observation | undefined> {
  const source = await ports.sources.read(key, signal);
  if (!source || source.isTerminating) return undefined;
  const reading = readPolicy(source.annotations);
  if (reading.kind === 'notOptedIn') {
    return {
      source,
      stored: undefined,
      reading,
      config: { kind: 'unread' },
      status: repairStatus(undefined),
      found: NO_USES,
    };
  }
  const stored = await ports.reloads.read(key, signal);
  // What belonged to a deleted ConfigMap of the same name is history, and nothing else.
  const status = repairStatus(stored?.ownerUid === source.uid ? stored.status : pastOf(stored));
  const config = reading.kind === 'optedIn' ? await readConfig(source, reading.policy.key, ports) : unread;
  const query = queryOf({ source, reading, config }, addresses);
  const found = query ? findTargets(ports.pods.inNamespace(source.namespace), query) : NO_USES;
  return { source, stored, reading, config, status, found };
}

function pastOf(stored: StoredReload | undefined): Partial<ConfigReloadStatus> {
  const { history, stats } = repairStatus(stored?.status);
  return { history, stats };
}

/** How the targets of a source are found; undefined where policy or config cannot be read. */
export function queryOf(
  { source, reading, config }: Pick<Observation, 'source' | 'reading' | 'config'>,
  addresses: AddressRules,
): TargetQuery | undefined {
  if (reading.kind !== 'optedIn' || (config.kind !== 'accepted' && config.kind !== 'rejected')) return undefined;
  return { source: source.name, key: config.key, policy: reading.policy, addresses };
}

const unread: ConfigReading = { kind: 'unread' };

async function readConfig(source: Source, wanted: string | undefined, ports: Ports): Promise<ConfigReading> {
  const selected = selectKey(source, wanted);
  if (!selected.found) return { kind: 'keyMissing', message: selected.message };
  const { key, content } = selected;
  const outcome = await ports.validate(content);
  return outcome.valid ? { kind: 'accepted', key, content, outcome } : { kind: 'rejected', key, outcome };
}
