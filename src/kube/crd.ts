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
/** The same schema, and what it says. */
const say = (schema: object, description: string) => ({ ...schema, description });
const object = (properties: object, required?: readonly string[]) => ({
  type: 'object',
  properties,
  ...(required ? { required: [...required] } : {}),
});

const targets = object({
  total: say(count, 'Containers of running pods that use the ConfigMap.'),
  reloaded: say(count, 'Those that are proven to run the text.'),
  pending: say(count, 'Those that are not done yet, or do not run yet.'),
  failed: say(count, 'Those whose reload failed.'),
  skipped: say(count, 'Those that cannot be reloaded in place.'),
});
const value = { 'x-kubernetes-preserve-unknown-fields': true, nullable: true };

const condition = object(
  {
    type: text(316, 'Valid, Reloaded or Progressing.'),
    status: { type: 'string', enum: ['True', 'False', 'Unknown'], description: 'Whether it is so.' },
    observedGeneration: say(count, 'Generation of the ConfigReload that it speaks of.'),
    lastTransitionTime: say(time, 'When `status` last changed.'),
    reason: {
      type: 'string',
      minLength: 1,
      maxLength: 1024,
      pattern: '^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$',
      description: 'For programs; docs/troubleshooting.md has a paragraph on each.',
    },
    message: text(32768, 'For people.'),
  },
  ['type', 'status', 'lastTransitionTime', 'reason', 'message'],
);

const pod = object(
  {
    name: text(253, 'The pod.'),
    uid: text(64, 'Its uid: a later pod of the same name is another one.'),
    container: text(63, 'The container in it.'),
    containerID: text(256, 'The instance of the container this speaks of.'),
    strategy: { type: 'string', enum: ['endpoint', 'signal', 'none'], description: 'How it is reloaded.' },
    hash: { ...hash, description: 'What is proven to run there; on failure, what was to run.' },
    result: { type: 'string', enum: [...RELOAD_RESULTS, 'pending', 'skipped'], description: 'How it ended.' },
    reason: text(128, 'Why; docs/troubleshooting.md has a paragraph on each.'),
    message: text(1024, 'For people.'),
    time: say(time, 'When this became so.'),
  },
  ['name', 'container', 'result'],
);

const entry = object(
  {
    id: text(64, 'Unique.'),
    timestamp: say(time, 'When it ended.'),
    trigger: {
      type: 'string',
      enum: ['configmap', 'file', 'signal', 'endpoint', 'api', 'rollback', 'requested'],
      description: 'What asked for it.',
    },
    result: say(result, 'How it ended.'),
    reason: text(128, 'Why, for programs.'),
    oldHash: say(hash, 'Text that ran before.'),
    newHash: say(hash, 'Text that was to run.'),
    revision: say(count, 'Its number; 0: it was refused and has none.'),
    changes: {
      type: 'array',
      maxItems: 32,
      items: object(
        {
          path: text(128, 'As `memory.total_budget_mb`.'),
          from: say(value, 'Before; null: not set.'),
          to: say(value, 'After; null: not set.'),
        },
        ['path'],
      ),
      description: 'Effective values that differ.',
    },
    errorMessage: text(1024, 'What went wrong; empty on success.'),
    durationMs: { type: 'number', minimum: 0, description: 'From the change seen to the last target proven.' },
    author: text(128, 'Field manager that last wrote the data.'),
    targets: say(targets, 'How many of each outcome.'),
  },
  ['id', 'timestamp', 'result'],
);

const status = object({
  observedGeneration: say(count, 'Generation of the ConfigReload that was last looked at.'),
  observedResourceVersion: text(64, 'Version of the ConfigMap that was last looked at.'),
  observedHash: { ...hash, description: 'Text last seen in the ConfigMap.' },
  desiredHash: { ...hash, description: 'Text that is to run: the one seen, if it is valid, or that of a rollback.' },
  desiredRevision: say(count, 'Its revision; 0: none.'),
  revisionTime: say(time, 'When the revision that is to run was first seen.'),
  observedRollback: text(32, 'Value of rollback-to that was served last.'),
  rollback: say(
    object({
      fromHash: say(hash, 'Text that is left.'),
      fromRevision: say(count, 'Its revision.'),
      toHash: say(hash, 'Text that is gone back to.'),
      toRevision: say(count, 'Its revision.'),
      cause: { type: 'string', enum: ['failure', 'asked'], description: 'A failed rollout, or rollback-to.' },
      policy: text(64, 'Fingerprint of the annotations then: a change of them ends it.'),
      isRestored: { type: 'boolean', description: "Whether the ConfigMap's own data was set back." },
    }),
    'A rollback that is in force.',
  ),
  equivalentHashes: {
    type: 'array',
    maxItems: 20,
    items: hash,
    description: 'Texts with the same effective values, which targets may go on running.',
  },
  publishedHash: say(hash, 'Text last written to the ConfigMap of publish-to.'),
  observedRequest: text(128, 'Value of requested-at that was served last.'),
  observedPolicy: text(64, 'Fingerprint of the annotations of the last rollout: a change lifts a halt.'),
  doubt: text(64, 'What records of pods must carry to count, after a rollout that did not come to its end.'),
  observedTime: say(time, 'When the present text was first seen.'),
  appliedHash: { ...hash, description: 'Text that every target runs.' },
  appliedRevision: say(count, 'Its revision; 0: none yet.'),
  conditions: {
    type: 'array',
    maxItems: 16,
    items: condition,
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['type'],
    description: 'Valid (the text), Reloaded (every target runs it), Progressing (a rollout is under way).',
  },
  stats: say(
    object({
      totalReloads: say(count, 'Ended reloads.'),
      successfulReloads: say(count, 'Those that succeeded.'),
      failedReloads: say(count, 'Those that did not.'),
      lastReloadTime: say(time, 'When the last one ended.'),
      lastReloadResult: say(result, 'How.'),
    }),
    'Counts since the ConfigMap opted in.',
  ),
  targets: say(targets, 'The containers that use it, by what they run.'),
  pods: { type: 'array', maxItems: MAX_PODS, items: pod, description: 'Failing ones first.' },
  history: { type: 'array', maxItems: MAX_HISTORY, items: entry, description: 'Newest first.' },
  lastKnownGood: say(
    object({
      revision: say(count, 'Its number; 0: none yet.'),
      hash: say(hash, 'Its text.'),
      time: say(time, 'When its rollout succeeded.'),
    }),
    'The newest revision whose rollout succeeded.',
  ),
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
              spec: say(
                object({ configMapName: { ...text(253, 'The source, of the same name.'), minLength: 1 } }, [
                  'configMapName',
                ]),
                'Whose state it is.',
              ),
              status: { ...status, properties: { ...status.properties, podsReady: text(32, 'For people: 3/3.') } },
            },
          },
        },
      },
    ],
  },
} as const;
