import { createRevisions } from '../kube/revisions.ts';
import { type ClusterAccess, type ClusterSettings, withCluster } from './cluster-access.ts';
import { CommandError, ExitCode } from './command.ts';
import { type Input, wholeText } from './config-text.ts';
import { readConfigMapText } from './read-config-map.ts';
import { readReload } from './read-reload.ts';
import { resolveRevision } from './resolve-revision.ts';

/** The word for the present text of the ConfigMap. */
export const LIVE = 'live';

export interface RevisionQuery {
  readonly name: string;
  /** Each a word of `resolveRevision`, or `live`. */
  readonly from: string;
  readonly to: string;
}

/** Two texts of one ConfigMap, each a revision that is kept or the present one. @throws CommandError where one cannot be had */
export function readRevisionPair(
  { name, from, to }: RevisionQuery,
  settings: ClusterSettings,
  signal: AbortSignal,
): Promise<readonly [Input, Input]> {
  return withCluster(settings, async (access) => [
    await readText(access, { name, word: from }, signal),
    await readText(access, { name, word: to }, signal),
  ]);
}

async function readText(
  access: ClusterAccess,
  { name, word }: { readonly name: string; readonly word: string },
  signal: AbortSignal,
): Promise<Input> {
  if (word === LIVE) return readConfigMapText(access, { name, key: undefined }, signal);
  const called = `${access.namespace}/${name}`;
  const revision = resolveRevision(word, (await readReload(access, name, signal)).status);
  const kept = await createRevisions(access.client).read(called, revision, signal);
  if (kept) return wholeText(`revision ${revision} of ${called}`, kept.content);
  const cure = `see \`history -n ${access.namespace} ${name}\` for those there are (annotation history-limit)`;
  throw new CommandError(`revision ${revision} of ${called} is not kept; ${cure}`, ExitCode.unreachable);
}
