import { ANNOTATION_PREFIX } from '../core/names.ts';

/** The entry in the configuration that is ours. */
export const WEBHOOK_NAME = 'validate.reload.leindex.io';

const OPT_IN = `${ANNOTATION_PREFIX}enabled`;

/**
 * The part of the webhook that nobody chooses; the chart adds address, selector, policy and time limit. It is asked only
 * where the new object has opted in: what opts out is allowed anyway.
 */
export const fixedWebhook = {
  name: WEBHOOK_NAME,
  rules: [
    {
      apiGroups: [''],
      apiVersions: ['v1'],
      operations: ['CREATE', 'UPDATE'],
      resources: ['configmaps'],
      scope: 'Namespaced',
    },
  ],
  matchConditions: [
    {
      name: 'opted-in',
      expression: `has(object.metadata.annotations) && '${OPT_IN}' in object.metadata.annotations && object.metadata.annotations['${OPT_IN}'] == 'true'`,
    },
  ],
  matchPolicy: 'Equivalent',
  sideEffects: 'None',
  admissionReviewVersions: ['v1'],
} as const;
