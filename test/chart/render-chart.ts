import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { runHelm } from '../cluster/helm.ts';

export const chartFolder = join(import.meta.dirname, '..', '..', 'charts', 'leindex-reloader');

/** An object of the chart, as far as tests look into any. */
export interface Rendered {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Record<string, string>;
    readonly annotations?: Record<string, string>;
  };
  readonly [field: string]: any;
}

/** Values as a person writes them in a file, nested. */
export type Values = Readonly<Record<string, unknown>>;

/** What `helm template` makes of these values, release and namespace `reloader`; hooks too. Rejects with helm's words. */
export async function renderChart(values: Values = {}, namespace = 'reloader'): Promise<Rendered[]> {
  const args = ['template', 'reloader', chartFolder, '--namespace', namespace, '--values', '-'];
  const text = await runHelm(args, { input: JSON.stringify(values) });
  return parseAllDocuments(text)
    .map((document) => document.toJS() as Rendered | null)
    .filter((object) => object !== null);
}

/** The only object of its kind, or of its kind and name. */
export function find(objects: readonly Rendered[], kind: string, name?: string): Rendered {
  const found = objects.filter(
    (object) => object.kind === kind && (name ?? object.metadata.name) === object.metadata.name,
  );
  if (found.length !== 1) throw new Error(`${found.length} of kind ${kind} ${name ?? ''}`);
  return found[0]!;
}

/** Kind and name of each object, in alphabetical order. */
export function names(objects: readonly Rendered[]): string[] {
  return objects.map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? '-'}/${metadata.name}`).toSorted();
}

/** The value sets that stand for all: each switch is on in one and off in another. */
export const valueSets = {
  default: {},
  'single replica without a lease': { replicas: 1, leaderElection: { enabled: false } },
  'two namespaces': { watch: { namespaces: ['alpha', 'beta'] } },
  'endpoint alone': { strategies: ['endpoint'] },
  'signal alone, every feature': {
    strategies: ['signal'],
    features: { tokenSecret: true, restart: true, publish: true },
  },
  'admission, certificates of its own': { admission: { enabled: true } },
  'admission in two namespaces, by cert-manager': {
    watch: { namespaces: ['alpha', 'beta'] },
    admission: { enabled: true, certificates: 'cert-manager', failurePolicy: 'Fail', timeoutSeconds: 5, port: 9443 },
  },
  'admission by an issuer of the cluster': {
    endpointCa: { configMap: 'ca' },
    admission: {
      ...{ enabled: true, certificates: 'cert-manager' },
      issuerRef: { kind: 'ClusterIssuer', name: 'internal' },
      namespaceSelector: { matchLabels: { team: 'search' } },
    },
  },
  'all that is watched': {
    metrics: {
      serviceMonitor: { enabled: true, labels: { release: 'prometheus' } },
      podMonitor: { enabled: true },
      prometheusRule: { enabled: true },
      dashboard: { enabled: true },
    },
  },
  'every other value': {
    nameOverride: 'reload',
    image: { repository: 'example/image', digest: `sha256:${'0'.repeat(64)}`, pullPolicy: 'Always' },
    imagePullSecrets: [{ name: 'pull' }],
    controller: {
      concurrency: 3,
      podConcurrency: 4,
      soak: '10s',
      maxConfigBytes: 131072,
      logLevel: 'debug',
      allowEndpointCidrs: ['10.0.0.0/8'],
      allowHostNetwork: true,
    },
    endpointCa: { configMap: 'ca', key: 'roots.pem' },
    execGuard: { enabled: false },
    crds: { install: false },
    rbac: { create: false },
    serviceAccount: { create: false, name: 'other' },
    resources: { limits: { memory: '512Mi' } },
    priorityClassName: 'system-cluster-critical',
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    tolerations: [{ operator: 'Exists' }],
    affinity: { nodeAffinity: {} },
    topologySpreadConstraints: [],
    podLabels: { team: 'search' },
    podAnnotations: { note: 'text' },
    podDisruptionBudget: { enabled: false },
    metrics: { port: 9090, service: { enabled: false } },
    networkPolicy: { metricsFrom: [{ podSelector: {} }], apiServerCidrs: ['10.1.0.1/32'], apiServerPorts: [6443] },
  },
} as const satisfies Readonly<Record<string, Values>>;
