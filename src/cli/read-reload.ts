import type { ConfigReloadStatus } from '../core/configreload.ts';
import { isOptedIn } from '../core/annotations.ts';
import { printable } from '../core/printable.ts';
import type { ConfigMapData } from '../core/select-key.ts';
import { repairStatus } from '../core/status.ts';
import { isKind } from '../kube/api-error.ts';
import { asList, asObject, asText, asTextMap, type Json } from '../core/json.ts';
import { resourcePath } from '../kube/resource-path.ts';
import { resources } from '../kube/resources.ts';
import type { ClusterAccess } from './cluster-access.ts';
import { CommandError, ExitCode } from './command.ts';

/** A ConfigReload as the API server has it, and its status made whole. */
export interface Reload {
  readonly namespace: string;
  readonly name: string;
  readonly object: Json;
  readonly status: ConfigReloadStatus;
}

/** A ConfigMap of the cluster. */
export interface SourceObject extends ConfigMapData {
  readonly resourceVersion: string;
  readonly annotations: Readonly<Record<string, string>>;
}

/** The ConfigReload of this name. @throws CommandError (3) where there is none, saying why and what to do */
export async function readReload(access: ClusterAccess, name: string, signal: AbortSignal): Promise<Reload> {
  const reload = await findReload(access, name, signal);
  if (reload) return reload;
  await readSource(access, name, signal);
  await listReloads(access, access.namespace, signal); // says so where the cluster does not know ConfigReloads at all
  const message =
    `ConfigMap ${access.namespace}/${printable(name, 253)} has opted in, but the controller has not seen it yet` +
    '\nIs the controller running, for this namespace? Its log says so at its start.';
  throw new CommandError(message, ExitCode.unreachable);
}

/** The same; undefined where there is none. */
export async function findReload(
  { client, namespace }: ClusterAccess,
  name: string,
  signal: AbortSignal,
): Promise<Reload | undefined> {
  try {
    const path = resourcePath(resources.configReloads, { namespace, name });
    return toReload((await client.request<unknown>({ path, signal })).body);
  } catch (error) {
    if (isKind(error, 'NotFound')) return undefined;
    throw error;
  }
}

/** All ConfigReloads of a namespace, or with `undefined` of the cluster, by name. @throws CommandError (3) without the CRD */
export async function listReloads(
  { client }: Pick<ClusterAccess, 'client'>,
  namespace: string | undefined,
  signal: AbortSignal,
): Promise<Reload[]> {
  try {
    const path = resourcePath(resources.configReloads, { namespace });
    const { body } = await client.request<unknown>({ path, signal });
    return asList(asObject(body)['items']).map(toReload);
  } catch (error) {
    if (!isKind(error, 'NotFound')) throw error;
    const message =
      'this cluster does not know ConfigReloads: leindex-reloader is not installed in it' +
      '\nInstall the chart, or for its definition alone: leindex-reloader crd | kubectl apply --server-side -f -';
    throw new CommandError(message, ExitCode.unreachable, { cause: error });
  }
}

/** The ConfigMap of this name. @throws CommandError (3) where there is none */
export async function readConfigMap(
  { client, namespace }: ClusterAccess,
  name: string,
  signal: AbortSignal,
): Promise<SourceObject> {
  const called = `ConfigMap ${namespace}/${printable(name, 253)}`;
  let object: Json;
  try {
    const path = resourcePath(resources.configMaps, { namespace, name });
    object = asObject((await client.request<unknown>({ path, signal })).body);
  } catch (error) {
    if (!isKind(error, 'NotFound')) throw error;
    throw new CommandError(`there is no ${called}; name its namespace with -n`, ExitCode.unreachable, { cause: error });
  }
  const metadata = asObject(object['metadata']);
  return {
    resourceVersion: asText(metadata['resourceVersion']),
    annotations: asTextMap(metadata['annotations']),
    data: asTextMap(object['data']),
    binaryData: asTextMap(object['binaryData']),
  };
}

/** The same, opted in. @throws CommandError (1) where it has not */
export async function readSource(access: ClusterAccess, name: string, signal: AbortSignal): Promise<SourceObject> {
  const source = await readConfigMap(access, name, signal);
  const { namespace } = access;
  const called = `ConfigMap ${namespace}/${printable(name, 253)}`;
  if (!isOptedIn(source.annotations)) {
    const how = `kubectl annotate -n ${namespace} configmap ${printable(name, 253)} reload.leindex.io/enabled=true`;
    throw new CommandError(`${called} has not opted in\nTo opt in: ${how}`, ExitCode.invalid);
  }
  return source;
}

function toReload(body: unknown): Reload {
  const object = asObject(body);
  const metadata = asObject(object['metadata']);
  return {
    namespace: asText(metadata['namespace']),
    name: asText(metadata['name']),
    object,
    status: repairStatus(object['status'] as Partial<ConfigReloadStatus> | undefined),
  };
}
