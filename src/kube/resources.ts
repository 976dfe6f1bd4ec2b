import { API_GROUP, API_VERSION } from '../core/names.ts';
import type { Resource } from './resource-path.ts';

/** Every kind of object this program touches. */
export const resources = {
  configMaps: { version: 'v1', plural: 'configmaps' },
  pods: { version: 'v1', plural: 'pods' },
  secrets: { version: 'v1', plural: 'secrets' },
  configReloads: { group: API_GROUP, version: API_VERSION, plural: 'configreloads' },
  controllerRevisions: { group: 'apps', version: 'v1', plural: 'controllerrevisions' },
  events: { group: 'events.k8s.io', version: 'v1', plural: 'events' },
  validatingWebhookConfigurations: {
    group: 'admissionregistration.k8s.io',
    version: 'v1',
    plural: 'validatingwebhookconfigurations',
  },
  leases: { group: 'coordination.k8s.io', version: 'v1', plural: 'leases' },
} as const satisfies Record<string, Resource>;
