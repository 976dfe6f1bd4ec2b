import type { LeaseClient, LeaseRecord, StoredLease } from '../runtime/lease.ts';
import { isKind } from './api-error.ts';
import { asNumber, asObject, asText } from '../core/json.ts';
import type { KubeClient } from './kube-client.ts';
import { resourcePath } from './resource-path.ts';
import { resources } from './resources.ts';

/** One Lease (coordination.k8s.io/v1), over connections that no other traffic shares. */
export function createLeaseClient(
  client: KubeClient,
  { namespace, name }: { readonly namespace: string; readonly name: string },
): LeaseClient {
  const collection = resourcePath(resources.leases, { namespace });
  const path = resourcePath(resources.leases, { namespace, name });
  const lane = 'lease';
  return {
    async read(signal) {
      try {
        return toStored((await client.request<unknown>({ path, signal, lane })).body);
      } catch (error) {
        if (isKind(error, 'NotFound')) return undefined;
        throw error;
      }
    },
    async create(record, signal) {
      try {
        const body = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name }, spec: toSpec(record) };
        const made = await client.request<unknown>({ method: 'POST', path: collection, body, signal, lane });
        return toStored(made.body);
      } catch (error) {
        if (isKind(error, 'AlreadyExists')) return undefined;
        throw error;
      }
    },
    async replace(record, version, signal) {
      try {
        const patch = { metadata: { resourceVersion: version }, spec: toSpec(record) };
        return toStored((await client.mergePatch<unknown>(path, patch, { signal, lane })).body);
      } catch (error) {
        // Deleted in between: the API server answers a write that names a version with 404 or 409.
        if (isKind(error, 'Conflict', 'NotFound')) return undefined;
        throw error;
      }
    },
  };
}

/** What is empty is removed: the API server takes no empty time. Labels and other fields are not ours. */
function toSpec({ holder, durationSeconds, acquireTime, renewTime, transitions }: LeaseRecord): object {
  return {
    holderIdentity: holder || null,
    leaseDurationSeconds: durationSeconds,
    acquireTime: acquireTime || null,
    renewTime: renewTime || null,
    leaseTransitions: transitions,
  };
}

/** Lenient: whatever a person wrote into the Lease must not keep anyone from taking it over. */
function toStored(body: unknown): StoredLease {
  const spec = asObject(asObject(body)['spec']);
  return {
    version: asText(asObject(asObject(body)['metadata'])['resourceVersion']),
    record: {
      holder: asText(spec['holderIdentity']),
      durationSeconds: asNumber(spec['leaseDurationSeconds']),
      acquireTime: asText(spec['acquireTime']),
      renewTime: asText(spec['renewTime']),
      transitions: asNumber(spec['leaseTransitions']),
    },
  };
}
