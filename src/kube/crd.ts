import { RELOAD_RESULTS } from '../core/reload-result.ts';
import { API_GROUP, API_VERSION } from '../core/names.ts';
import { MAX_HISTORY, MAX_PODS } from '../core/status.ts';

const text = (maxLength: number, description?: string) => ({
  type: 'string',
  maxLength,
  ...(description ? { description } : {}),
});
const count = { type: 'integer', format: 'int64', minimum: 0 } as const;
const time = { type: 'string', format: 'date-time' } as const;
const hash = { type: 'string', pattern: '^sha256:[0-9a-f]{64}$' } as const;
const result = { type: 'string', enum: [...RELOAD_RESULTS] };
const object = (properties: object, required?: readonly string[]) => ({
  type: 'object',
  properties,
  ...(required ? { required: [...required] } : {}),
});

const targets = object({ total: count, reloaded: count, pending: count, failed: count, skipped: count });
const value = { 'x-kubernetes-preserve-unknown-fields': true, nullable: true };

const condition = object(
  {
    type: text(316),
    status: { type: 'string', enum: ['True', 'False', 'Unknown'] },
    observedGeneration: count,
    lastTransitionTime: time,
    reason: { type: 'string', minLength: 1, maxLength: 1024, pattern: '^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$' },
    message: text(32768),
  },
  ['type', 'status', 'lastTransitionTime', 'reason', 'message'],
);

const pod = object(
  {
    name: text(253),
    uid: text(64),
    container: text(63),
    containerID: text(256, 'The instance of the container this speaks of.'),
    strategy: { type: 'string', enum: ['endpoint', 'signal', 'none'] },
    hash: { ...hash, description: 'What is proven to run there; on failure, what was to run.' },
    result: { type: 'string', enum: [...RELOAD_RESULTS, 'pending', 'skipped'] },
    reason: text(128),
    message: text(1024),
    time,
  },
  ['name', 'container', 'result'],
);

const entry = object(
  {
    id: text(64),
    timestamp: time,
    trigger: { type: 'string', enum: ['configmap', 'file', 'signal', 'endpoint', 'api', 'rollback', 'requested'] },
    result,
    reason: text(128),
    oldHash: hash,
    newHash: hash,
    revision: count,
    changes: {
      type: 'array',
      maxItems: 32,
      items: object({ path: text(128), from: value, to: value }, ['path']),
    },
    errorMessage: text(1024),
    durationMs: { type: 'number', minimum: 0 },
    author: text(128, 'Field manager that last wrote the data.'),
    targets,
  },
  ['id', 'timestamp', 'result'],
);

const status = object({
  observedGeneration: count,
  observedResourceVersion: text(64, 'Version of the ConfigMap that was last looked at.'),
  observedHash: { ...hash, description: 'Text last seen in the ConfigMap.' },
  desiredHash: { ...hash, description: 'Text that is to run: the one seen, if it is valid, or that of a rollback.' },
  desiredRevision: count,
  revisionTime: time,
  observedRollback: text(32),
  rollback: object({
    fromHash: hash,
    fromRevision: count,
    toHash: hash,
    toRevision: count,
    cause: { type: 'string', enum: ['failure', 'asked'] },
    policy: text(64),
    isRestored: { type: 'boolean' },
  }),
  equivalentHashes: { type: 'array', maxItems: 20, items: hash },
  publishedHash: hash,
  observedRequest: text(128),
  observedPolicy: text(64),
  doubt: text(64),
  observedTime: time,
  appliedHash: { ...hash, description: 'Text that every target runs.' },
  appliedRevision: count,
  conditions: {
    type: 'array',
    maxItems: 16,
    items: condition,
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['type'],
  },
  stats: object({
    totalReloads: count,
    successfulReloads: count,
    failedReloads: count,
    lastReloadTime: time,
    lastReloadResult: result,
  }),
  targets,
  pods: { type: 'array', maxItems: MAX_PODS, items: pod },
  history: { type: 'array', maxItems: MAX_HISTORY, items: entry },
  lastKnownGood: object({ revision: count, hash, time }),
});

const column = (name: string, jsonPath: string, extra: object = {}) => ({ name, type: 'string', jsonPath, ...extra });

/** The ConfigReload CustomResourceDefinition: the one source of `deploy/crd.yaml`, the chart's copy and `leindex-reloader crd`. */
export const configReloadCrd = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `configreloads.${API_GROUP}`, labels: { 'app.kubernetes.io/name': 'leindex-reloader' } },
  spec: {
    group: API_GROUP,
    scope: 'Namespaced',
    names: {
      kind: 'ConfigReload',
      listKind: 'ConfigReloadList',
      plural: 'configreloads',
      singular: 'configreload',
      shortNames: ['creload'],
      categories: ['leindex'],
    },
    versions: [
      {
        name: API_VERSION,
        served: true,
        storage: true,
        subresources: { status: {} },
        additionalPrinterColumns: [
          column('Valid', '.status.conditions[?(@.type=="Valid")].status'),
          column('Reloaded', '.status.conditions[?(@.type=="Reloaded")].status'),
          column('Pods', '.status.podsReady', { description: 'Targets that run the new text, of all.' }),
          column('Revision', '.status.appliedRevision', { type: 'integer' }),
          column('Result', '.status.stats.lastReloadResult'),
          column('Last Reload', '.status.stats.lastReloadTime', { type: 'date' }),
          column('Age', '.metadata.creationTimestamp', { type: 'date' }),
          column('Hash', '.status.appliedHash', { priority: 1 }),
          column('Message', '.status.conditions[?(@.type=="Reloaded")].message', { priority: 1 }),
          // What the controller reads of all of them at its start (settled-reloads.ts).
          column('Observed', '.status.observedResourceVersion', { priority: 1 }),
          column('Applied', '.status.lastKnownGood.time', { priority: 1 }),
        ],
        schema: {
          openAPIV3Schema: {
            description:
              'What leindex-reloader knows of one ConfigMap: written by the controller, one per source, of the same name.',
            type: 'object',
            required: ['spec'],
            properties: {
              apiVersion: { type: 'string' },
              kind: { type: 'string' },
              metadata: { type: 'object' },
              spec: object({ configMapName: { ...text(253), minLength: 1 } }, ['configMapName']),
              status: { ...status, properties: { ...status.properties, podsReady: text(32, 'For people: 3/3.') } },
            },
          },
        },
      },
    ],
  },
} as const;
