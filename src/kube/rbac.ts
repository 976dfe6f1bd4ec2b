import { type Feature, type Permission, permissions } from './permissions.ts';

export interface RbacOptions {
  readonly features: readonly Feature[];
  /** Namespace of the controller. */
  readonly namespace: string;
  /** Namespaces that are watched, each with a Role; undefined: the whole cluster. */
  readonly watched?: readonly string[];
}

const NAME = 'leindex-reloader';
const labels = { 'app.kubernetes.io/name': NAME };

/** ServiceAccount, roles and bindings for these features. */
export function rbacObjects({ features, namespace, watched }: RbacOptions): readonly object[] {
  const watching = features.filter((feature) => feature !== 'leader-election' && feature !== 'admission');
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: NAME, namespace, labels } };
  const roles =
    watched === undefined
      ? roleAndBinding({ rules: rulesOf(watching), account: namespace })
      : watched.flatMap((one) => roleAndBinding({ rules: rulesOf(watching), account: namespace, namespace: one }));
  const only = (feature: Feature, place: Partial<RoleInput>) =>
    features.includes(feature)
      ? roleAndBinding({ rules: rulesOf([feature]), account: namespace, suffix: `-${feature}`, ...place })
      : [];
  // A webhook configuration has no namespace, and so neither has the role.
  return [account, ...roles, ...only('leader-election', { namespace }), ...only('admission', {})];
}

/** The rules of these features, as a Role has them. */
export function rulesOf(features: readonly Feature[]): object[] {
  return features
    .flatMap((feature): readonly Permission[] => permissions[feature])
    .map(({ apiGroup, resource, verbs, resourceNames }) => ({
      apiGroups: [apiGroup],
      resources: [resource],
      ...(resourceNames ? { resourceNames: [...resourceNames] } : {}),
      verbs: [...verbs],
    }));
}

interface RoleInput {
  readonly rules: object[];
  readonly account: string;
  readonly namespace?: string;
  readonly suffix?: string;
}

function roleAndBinding({ rules, account, namespace, suffix = '' }: RoleInput): object[] {
  const kind = namespace === undefined ? 'ClusterRole' : 'Role';
  const apiVersion = 'rbac.authorization.k8s.io/v1';
  const metadata = { name: NAME + suffix, ...(namespace === undefined ? {} : { namespace }), labels };
  return [
    { apiVersion, kind, metadata, rules },
    {
      apiVersion,
      kind: `${kind}Binding`,
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name: metadata.name },
      subjects: [{ kind: 'ServiceAccount', name: NAME, namespace: account }],
    },
  ];
}
