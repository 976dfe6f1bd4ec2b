import { ANNOTATION_PREFIX } from '../core/names.ts';
import { asObject, asText } from '../core/json.ts';
import { resourcePath } from '../kube/resource-path.ts';
import { resources } from '../kube/resources.ts';
import type { ClusterAccess } from './cluster-access.ts';

/** Sets annotations of a ConfigMap, without their prefix, or takes away those that are null. Returns its new resourceVersion. */
export async function annotate(
  { client, namespace }: ClusterAccess,
  name: string,
  annotations: Readonly<Record<string, string | null>>,
  signal: AbortSignal,
): Promise<string> {
  const prefixed = Object.entries(annotations).map(([key, value]) => [ANNOTATION_PREFIX + key, value]);
  const patch = { metadata: { annotations: Object.fromEntries(prefixed) as object } };
  // As a manager of its own: the change is a person's, not the controller's.
  const query = { fieldManager: 'kubectl-leindex' };
  const path = resourcePath(resources.configMaps, { namespace, name });
  const { body } = await client.mergePatch<unknown>(path, patch, { signal, query });
  return asText(asObject(asObject(body)['metadata'])['resourceVersion']);
}
