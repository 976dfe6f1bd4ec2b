import { API_GROUP } from '../core/names.ts';

/** One rule of RBAC, and why it is there. */
export interface Permission {
  readonly apiGroup: string;
  readonly resource: string;
  readonly verbs: readonly string[];
  /** The only objects it is for; absent: all. */
  readonly resourceNames?: readonly string[];
  readonly why: string;
}

/** A part of the program that can be switched off, and its permissions with it. */
export type Feature = 'core' | 'signal' | 'token-secret' | 'restart' | 'publish' | 'leader-election' | 'admission';

/**
 * Every permission the controller holds, feature by feature: the one source of `deploy/rbac*.yaml`, the chart's rules and
 * the table in `docs/security.md`. Nothing here can change a pod's spec, a ConfigMap of a user, or read a Secret unasked.
 */
export const permissions: Readonly<Record<Feature, readonly Permission[]>> = {
  core: [
    {
      apiGroup: '',
      resource: 'configmaps',
      verbs: ['get', 'list', 'watch'],
      why: 'find the sources and read their text',
    },
    { apiGroup: '', resource: 'pods', verbs: ['get', 'list', 'watch'], why: 'find the pods that use a source' },
    {
      apiGroup: '',
      resource: 'pods/status',
      verbs: ['patch'],
      why: 'make the kubelet bring the file now, and record on the pod what is proven to run; cannot change a spec',
    },
    {
      apiGroup: API_GROUP,
      resource: 'configreloads',
      verbs: ['get', 'list', 'create', 'patch'],
      why: 'one status object per source; listed once at start, so that what is settled is left alone',
    },
    { apiGroup: API_GROUP, resource: 'configreloads/status', verbs: ['update'], why: 'write that status' },
    {
      apiGroup: 'apps',
      resource: 'controllerrevisions',
      verbs: ['get', 'list', 'create', 'delete'],
      why: 'keep every valid text as a revision, and remove old ones',
    },
    { apiGroup: 'events.k8s.io', resource: 'events', verbs: ['create', 'patch'], why: 'events on ConfigMaps and pods' },
  ],
  signal: [
    {
      apiGroup: '',
      resource: 'pods/exec',
      verbs: ['get', 'create'],
      why: 'verify the file in the container and signal its process; this is code execution in the pods of the namespace',
    },
  ],
  'token-secret': [
    { apiGroup: '', resource: 'secrets', verbs: ['get'], why: 'the token that the annotation token-secret names' },
  ],
  restart: [{ apiGroup: '', resource: 'pods/eviction', verbs: ['create'], why: 'on-unreloadable: restart' }],
  publish: [{ apiGroup: '', resource: 'configmaps', verbs: ['create', 'patch'], why: 'publish-to' }],
  'leader-election': [
    {
      apiGroup: 'coordination.k8s.io',
      resource: 'leases',
      verbs: ['get', 'create', 'patch'],
      why: 'one of two replicas acts; only in the namespace of the controller',
    },
  ],
  admission: [
    {
      apiGroup: 'admissionregistration.k8s.io',
      resource: 'validatingwebhookconfigurations',
      verbs: ['get', 'patch'],
      resourceNames: ['leindex-reloader'],
      why: 'have API servers trust the certificates that the replicas make; whoever may do this can have the cluster send its writes elsewhere',
    },
  ],
};
