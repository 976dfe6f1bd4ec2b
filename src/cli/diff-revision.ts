import { readPolicy } from '../core/annotations.ts';
import { selectKey } from '../core/select-key.ts';
import { asObject, asTextMap } from '../kube/json.ts';
import { createRevisions } from '../kube/revisions.ts';
import { type ClusterSettings, withCluster } from './cluster-access.ts';
import { CommandError, ExitCode } from './command.ts';
import { readReload, readSource } from './read-reload.ts';

/** The two texts that `diff NAME` compares. */
export interface RevisionPair {
  /** `revision 3`. */
  readonly oldName: string;
  readonly old: Uint8Array;
  /** `ConfigMap default/app, key mcp.yaml`. */
  readonly newName: string;
  readonly new: Uint8Array;
}

/** The last known good text of a ConfigMap and its present one. @throws CommandError where one of them is missing */
export function readRevisionPair(name: string, settings: ClusterSettings, signal: AbortSignal): Promise<RevisionPair> {
  return withCluster(settings, async (access) => {
    const called = `${access.namespace}/${name}`;
    const { annotations, object } = await readSource(access, name, signal);
    const policy = readPolicy(annotations);
    const data = { data: asTextMap(object['data']), binaryData: asTextMap(asObject(object['binaryData'])) };
    const selected = selectKey(data, policy.kind === 'optedIn' ? policy.policy.key : undefined);
    if (!selected.found) throw new CommandError(`ConfigMap ${called}: ${selected.message}`, ExitCode.invalid);
    const { revision } = (await readReload(access, name, signal)).status.lastKnownGood;
    if (revision === 0)
      throw new CommandError(`ConfigMap ${called} has no last known good revision yet`, ExitCode.invalid);
    const kept = await createRevisions(access.client).read(`${access.namespace}/${name}`, revision, signal);
    if (!kept) throw new CommandError(`revision ${revision} of ${called} is not kept any more`, ExitCode.unreachable);
    return {
      oldName: `revision ${revision}`,
      old: kept.content,
      newName: `ConfigMap ${called}, key ${selected.key}`,
      new: selected.content,
    };
  });
}
