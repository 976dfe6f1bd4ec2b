import { ANNOTATION_PREFIX } from '../core/names.ts';

/** The entry in the configuration that is ours. */
export const WEBHOOK_NAME = 'validate.reload.leindex.io';

/** Where the API server finds the webhook: a Service, or an address. */
export type WebhookClient =
  | { readonly url: string; readonly caBundle?: string }
  | {
      readonly service: {
        readonly name: string;
        readonly namespace: string;
        readonly path: string;
        readonly port: number;
      };
    };

/**
 * The ValidatingWebhookConfiguration. It fails open, waits for at most three seconds, and is asked only where the new object
 * has opted in: what opts out is allowed anyway.
 */
export function webhookConfiguration(clientConfig: WebhookClient, annotations: Readonly<Record<string, string>> = {}) {
  const name = `${ANNOTATION_PREFIX}enabled`;
  const expression = `has(object.metadata.annotations) && '${name}' in object.metadata.annotations && object.metadata.annotations['${name}'] == 'true'`;
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: 'leindex-reloader', annotations },
    webhooks: [
      {
        name: WEBHOOK_NAME,
        clientConfig,
        rules: [
          {
            apiGroups: [''],
            apiVersions: ['v1'],
            operations: ['CREATE', 'UPDATE'],
            resources: ['configmaps'],
            scope: 'Namespaced',
          },
        ],
        matchConditions: [{ name: 'opted-in', expression }],
        matchPolicy: 'Equivalent',
        failurePolicy: 'Ignore',
        sideEffects: 'None',
        timeoutSeconds: 3,
        admissionReviewVersions: ['v1'],
      },
    ],
  };
}
