import type { ConfigReloadStatus, PodStatus } from './configreload.ts';
import { shortHash } from './content-hash.ts';
import type { TargetReason } from './reasons.ts';
import { isFailed, isUnderWay } from './status.ts';
import { requestToken } from './target-record.ts';
import type { Target } from './target.ts';

/**
 * A rollout that was cut off, or failed somewhere, leaves targets that may run its text whatever their records say: back at an
 * earlier text, those records prove nothing. The doubt is kept in the status, so that it survives the controller, until every
 * target is proven; records that are made meanwhile carry it. It reads `<cut|failed>-<text>-<version of the source>`.
 */
export function doubtAfter(status: ConfigReloadStatus, wanted: string): string {
  const { desiredHash, observedResourceVersion, doubt } = status;
  if (desiredHash === '' || desiredHash === wanted) return doubt;
  const isCut = isUnderWay(status);
  if (!isCut && !hasFailures(status)) return doubt;
  const wasCut = doubt.startsWith('cut-');
  const isOther = wasCut && !isDoubtOf(doubt, desiredHash);
  return `${isCut || wasCut ? 'cut' : 'failed'}-${isOther ? 'several' : shortHash(desiredHash)}-${observedResourceVersion}`;
}

/**
 * A few endpoints are told of a text before the status is (`record.ts`). If the controller ended between the two, and the source
 * holds an earlier text again, no status and no record says that they run another: seen by the version of the source, which is
 * then not the one that was looked at last. Told again, an endpoint that does run the text has nothing to do.
 */
export function doubtUnseen(status: ConfigReloadStatus, resourceVersion: string): string {
  const { desiredHash, observedResourceVersion, doubt } = status;
  if (doubt !== '' || desiredHash === '' || observedResourceVersion === resourceVersion) return doubt;
  return `cut-${UNSEEN}-${observedResourceVersion}`;
}

/** What records must carry to count while there is a doubt; empty: nothing. */
export function doubtToken(doubt: string): string {
  return doubt === '' ? '' : requestToken(doubt);
}

/** What a target's record is held against. */
export interface Wanted {
  readonly hash: string;
  readonly equivalentHashes: readonly string[];
  /** What records answer while a request is open; undefined: none is. */
  readonly openRequest: string | undefined;
  readonly doubt: string;
  readonly pods: readonly PodStatus[];
}

/** Whether its own record proves that a target runs the wanted text. */
export function isProven(target: Target, wanted: Wanted): boolean {
  const { hash, equivalentHashes, openRequest } = wanted;
  const { record } = target;
  if (!record || (record.hash !== hash && !equivalentHashes.includes(record.hash))) return false;
  return openRequest === undefined ? !isInDoubt(target, wanted) : record.request === openRequest;
}

/** Whether a record of the wanted text proves nothing about this target. */
function isInDoubt(target: Target, { hash, doubt, pods }: Wanted): boolean {
  if (doubt === '' || isDoubtOf(doubt, hash) || target.record?.request === doubtToken(doubt)) return false;
  if (isDoubtOfText(doubt, UNSEEN)) return target.channel.kind === 'endpoint';
  if (doubt.startsWith('cut-')) return true;
  const own = pods.find(({ uid, container }) => uid === target.uid && container === target.container);
  return own ? mayRunAnother(own) : pods.every(isFailed);
}

/** After these nobody knows whether the text was taken; after all others the target runs what it ran. */
const UNKNOWN: ReadonlySet<string> = new Set<TargetReason>([
  'ProcessCrashed',
  'ExecFailed',
  'ExecTimeout',
  'ExecUnintelligible',
  'EndpointUnreachable',
  'EndpointTimeout',
  'EndpointBusy',
  'EndpointFailed',
  'EndpointUnverified',
  'RecordFailed',
  'CanaryUnhealthy',
]);
const mayRunAnother = (pod: PodStatus) => isFailed(pod) && UNKNOWN.has(pod.reason);

/** The records of a text are good for that text: nothing else was under way. */
const isDoubtOf = (doubt: string, hash: string) => isDoubtOfText(doubt, shortHash(hash));
const isDoubtOfText = (doubt: string, text: string) => doubt.split('-')[1] === text;

/** In place of a text: one that nobody has written down. */
const UNSEEN = 'unseen';

const hasFailures = ({ targets, pods }: ConfigReloadStatus) => targets.failed > 0 || pods.some(isFailed);
