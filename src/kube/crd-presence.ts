import { API_GROUP, API_VERSION } from '../core/names.ts';
import { isKind } from './api-error.ts';
import { asList, asObject } from '../core/json.ts';
import type { KubeClient } from './kube-client.ts';
import { resources } from './resources.ts';

/**
 * Whether the API server serves ConfigReloads in the version that is written here, by discovery, which every account may read.
 * An account that may not cannot tell, and goes on.
 *
 * @throws ApiError where there is no answer
 */
export async function isCrdServed(client: KubeClient, signal: AbortSignal): Promise<boolean> {
  try {
    const { body } = await client.request<unknown>({ path: `/apis/${API_GROUP}/${API_VERSION}`, signal });
    return asList(asObject(body)['resources']).some(({ name }) => name === resources.configReloads.plural);
  } catch (error) {
    if (isKind(error, 'NotFound')) return false;
    if (isKind(error, 'Forbidden')) return true;
    throw error;
  }
}
