import { readPolicy, type ReloadPolicy } from '../core/annotations.ts';
import type { ConfigReloadStatus } from '../core/configreload.ts';
import { isProven } from '../core/doubt.ts';
import { findTargets } from '../core/find-targets.ts';
import { selectKey } from '../core/select-key.ts';
import { findCondition } from '../core/status.ts';
import { requestToken } from '../core/target-record.ts';
import type { Target } from '../core/target.ts';
import { planWaves } from '../core/waves.ts';
import { isKind } from '../kube/api-error.ts';
import { asList, asObject } from '../core/json.ts';
import { toPodView } from '../kube/pod-view.ts';
import { resourcePath } from '../kube/resource-path.ts';
import { resources } from '../kube/resources.ts';
import type { ClusterAccess } from './cluster-access.ts';
import { readConfigMap } from './read-reload.ts';

export interface Wave {
  /** `canary`, or the wave's number from 1. */
  readonly name: string;
  readonly size: number;
  /** Targets of it that are proven to run the text. */
  readonly done: number;
}

/** How far a rollout is, target by target, as the pods' own records tell: the status says it only when it has ended. */
export interface RolloutProgress {
  readonly waves: readonly Wave[];
  readonly done: number;
  readonly total: number;
  /** Targets that do not run the text yet, `POD/CONTAINER`. */
  readonly waiting: readonly string[];
}

/** Undefined where pods may not be listed: progress is a courtesy, not a permission that one must have. */
export async function readProgress(
  access: ClusterAccess,
  { name, status }: { readonly name: string; readonly status: ConfigReloadStatus },
  signal: AbortSignal,
): Promise<RolloutProgress | undefined> {
  const source = await readConfigMap(access, name, signal);
  const read = readPolicy(source.annotations);
  if (read.kind !== 'optedIn') return undefined;
  const { policy } = read;
  const selected = selectKey(source, policy.key);
  if (!selected.found) return undefined;
  const query = { source: name, mounted: policy.publishTo ?? name, key: selected.key, policy, addresses: ANY_ADDRESS };
  try {
    const path = resourcePath(resources.pods, { namespace: access.namespace });
    const { body } = await access.client.request<unknown>({ path, signal });
    const pods = asList(asObject(body)['items']).map(toPodView);
    return measureProgress(findTargets(pods, query).targets, status, policy);
  } catch (error) {
    if (isKind(error, 'Forbidden')) return undefined;
    throw error;
  }
}

/** Whether an address may be called is the controller's matter. */
const ANY_ADDRESS = { allowed: ['0.0.0.0/0', '::/0'], isHostNetworkAllowed: true };

/** The waves by their sizes: which target is in which, only the controller knows. Pure. */
export function measureProgress(
  targets: readonly Target[],
  status: ConfigReloadStatus,
  policy: Pick<ReloadPolicy, 'canary' | 'batchSize' | 'requestedAt'>,
): RolloutProgress {
  const isForced = findCondition(status, 'Progressing')?.reason === 'Requested';
  const openRequest = isForced ? requestToken(policy.requestedAt) : undefined;
  const wanted = { ...status, hash: status.desiredHash, openRequest };
  const waiting = targets.filter((target) => !isProven(target, wanted));
  const done = targets.length - waiting.length;
  let before = 0;
  const waves = planWaves(targets, policy).map(({ length: size }, index) => {
    const number = policy.canary > 0 ? index : index + 1;
    const wave = { name: number === 0 ? 'canary' : String(number), size, done: clamp(done - before, 0, size) };
    before += size;
    return wave;
  });
  return { waves, done, total: targets.length, waiting: waiting.map(({ pod, container }) => `${pod}/${container}`) };
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
