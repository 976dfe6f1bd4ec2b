import { CoreV1Api, type KubeConfig } from '@kubernetes/client-node';
import { requestJson } from './request-json.ts';

interface Discovery {
  readonly items: readonly {
    readonly metadata: { readonly name?: string };
    readonly versions: readonly {
      readonly version: string;
      readonly resources: readonly { readonly resource: string; readonly scope: string; readonly verbs: string[] }[];
    }[];
  }[];
}

const AGGREGATED = 'application/json;v=v2;g=apidiscovery.k8s.io;as=APIGroupDiscoveryList';

/**
 * What the namespace controller does, but at once and without it: delete every object in the namespace, then the
 * namespace, then release its finalizer. With a controller manager about, the last step may find it done.
 */
export async function removeNamespace(kubeConfig: KubeConfig, name: string): Promise<void> {
  const collections = [...(await discover(kubeConfig, '/api')), ...(await discover(kubeConfig, '/apis'))];
  await Promise.all(collections.map((path) => deleteAll(kubeConfig, path.replace('{namespace}', name))));
  const core = kubeConfig.makeApiClient(CoreV1Api);
  await ignoreAbsent(core.deleteNamespace({ name }));
  await ignoreAbsent(
    core.replaceNamespaceFinalize({ name, body: { metadata: { name }, spec: { finalizers: [] }, status: {} } }),
  );
}

/** Paths of all kinds that live in a namespace and can be deleted together, each once. */
async function discover(kubeConfig: KubeConfig, root: '/api' | '/apis'): Promise<string[]> {
  const answer = await requestJson(kubeConfig, { path: root, accept: AGGREGATED });
  return (answer.body as Discovery).items.flatMap(({ metadata, versions }) => {
    const [preferred] = versions;
    if (!preferred) return [];
    const group = metadata.name ? `/${metadata.name}` : '';
    return preferred.resources
      .filter(({ scope, verbs }) => scope === 'Namespaced' && verbs.includes('deletecollection'))
      .map(({ resource }) => `${root}${group}/${preferred.version}/namespaces/{namespace}/${resource}`);
  });
}

/** A kind that went away meanwhile, with its CRD, has nothing left to delete. */
async function deleteAll(kubeConfig: KubeConfig, path: string): Promise<void> {
  const answer = await requestJson(kubeConfig, { method: 'DELETE', path: `${path}?gracePeriodSeconds=0` });
  if (answer.status >= 300 && answer.status !== 404) throw new Error(`DELETE ${path}: ${answer.status}`);
}

async function ignoreAbsent(request: Promise<unknown>): Promise<void> {
  try {
    await request;
  } catch (error) {
    if ((error as { code?: number }).code !== 404 && (error as { code?: number }).code !== 409) throw error;
  }
}
