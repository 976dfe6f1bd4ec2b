import { KubeConfig } from '@kubernetes/client-node';
import { printable } from '../core/printable.ts';
import { asList, asObject, asText } from '../core/json.ts';
import { type Resource, resourcePath } from '../kube/resource-path.ts';
import { resources } from '../kube/resources.ts';
import { addClusterFlags } from './cluster-flags.ts';
import { type ClusterAccess, type ClusterSettings, withCluster } from './cluster-access.ts';
import type { Io } from './command.ts';
import { COMPLETE } from './commands.ts';
import { readReload } from './read-reload.ts';
import { newCommand, readSettings } from './settings.ts';

/** A word that can stand there, and what it is in a few words. */
export interface Candidate {
  readonly word: string;
  readonly about: string;
}

export type NameKind = 'sources' | 'namespaces' | 'contexts' | 'revisions';

interface NameQuery {
  /** Flags that were typed before, by their long name. */
  readonly given: Readonly<Record<string, string>>;
  /** The ConfigMap that was named before. */
  readonly source: string | undefined;
  readonly io: Io;
}

/** A person waits for it with a finger on the key. */
const LONGEST_MS = 3_000;
const MOST_NAMES = 500;
const NAMES_ONLY = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';
const namespaces: Resource = { version: 'v1', plural: 'namespaces' };

/** Names of the cluster that the typed flags name. @throws CommandError (3) where it cannot be asked, or not in 3 s */
export function listNames(kind: NameKind, { given, source, io }: NameQuery): Promise<readonly Candidate[]> {
  const line = addClusterFlags(newCommand(COMPLETE, ''));
  const flags = ['--namespace', '--kubeconfig', '--context'].filter((one) => given[one] !== undefined);
  const argv = flags.map((one) => `${one}=${given[one] ?? ''}`);
  const settings = readSettings<ClusterSettings>(line, argv, io)?.settings ?? {};
  if (kind === 'contexts') return Promise.resolve(listContexts(settings.kubeconfig));
  const signal = AbortSignal.any([io.signal, AbortSignal.timeout(LONGEST_MS)]);
  return withCluster(settings, async (access) => {
    switch (kind) {
      case 'namespaces':
        return listMetadata(access, resourcePath(namespaces), signal);
      case 'sources':
        return listMetadata(access, resourcePath(resources.configReloads, { namespace: access.namespace }), signal);
      case 'revisions':
        return source === undefined ? [] : listRevisions(access, source, signal);
    }
  });
}

/** Also where the current context is of no use: then a person wants another one most. */
function listContexts(kubeconfig: string | undefined): Candidate[] {
  const config = new KubeConfig();
  try {
    if (kubeconfig === undefined) config.loadFromDefault();
    else config.loadFromFile(kubeconfig);
  } catch {
    return [];
  }
  return config.getContexts().map(({ name, cluster }) => asCandidate(name, cluster));
}

async function listMetadata({ client }: ClusterAccess, path: string, signal: AbortSignal): Promise<Candidate[]> {
  const query = { limit: MOST_NAMES };
  const { body } = await client.request<unknown>({ path, query, accept: NAMES_ONLY, signal });
  return asList(asObject(body)['items']).map((item) => asCandidate(asText(asObject(item['metadata'])['name']), ''));
}

/** Newest first, each with when and how it ended. */
async function listRevisions(access: ClusterAccess, source: string, signal: AbortSignal): Promise<Candidate[]> {
  const { history } = (await readReload(access, source, signal)).status;
  const newest = new Map(history.toReversed().map((entry) => [entry.revision, entry]));
  return [...newest.values()]
    .filter(({ revision }) => revision > 0)
    .toSorted((a, b) => b.revision - a.revision)
    .map(({ revision, result, timestamp, author }) =>
      asCandidate(String(revision), `${result} ${timestamp} ${author}`),
    );
}

function asCandidate(word: string, about: string): Candidate {
  return { word: printable(word, 253), about: printable(about, 100).trim() };
}
