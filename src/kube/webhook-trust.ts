import { isKind } from './api-error.ts';
import { asList, asObject, asText, type Json } from '../core/json.ts';
import type { KubeClient } from './kube-client.ts';
import { resourcePath } from './resource-path.ts';
import { resources } from './resources.ts';

/**
 * The caBundle of one webhook of a ValidatingWebhookConfiguration, and the host that API servers call it by.
 *
 * @param configuration name of the object; `webhook`: name of the entry in it
 */
export function createWebhookTrust(
  client: KubeClient,
  { configuration, webhook }: { readonly configuration: string; readonly webhook: string },
) {
  const path = resourcePath(resources.validatingWebhookConfigurations, { name: configuration });
  return {
    /** Undefined where there is no such object, or no such entry in it. */
    async read(signal: AbortSignal) {
      try {
        const { body } = await client.request<unknown>({ path, signal });
        const entry = asList(asObject(body)['webhooks']).find(({ name }) => name === webhook);
        if (!entry) return undefined;
        const clientConfig = asObject(entry['clientConfig']);
        return {
          host: hostOf(clientConfig),
          bundle: Buffer.from(asText(clientConfig['caBundle']), 'base64').toString('utf8'),
          version: asText(asObject(asObject(body)['metadata'])['resourceVersion']),
        };
      } catch (error) {
        if (isKind(error, 'NotFound')) return undefined;
        throw error;
      }
    },
    /** False: it was changed or deleted since that version. */
    async write(bundle: string, version: string, signal: AbortSignal) {
      const caBundle = Buffer.from(bundle).toString('base64');
      const patch = {
        metadata: { resourceVersion: version },
        webhooks: [{ name: webhook, clientConfig: { caBundle } }],
      };
      try {
        // Strategic: entries of the list are told apart by their names, and the others stay as they are.
        const contentType = 'application/strategic-merge-patch+json';
        await client.request({ method: 'PATCH', path, body: patch, contentType, signal });
        return true;
      } catch (error) {
        if (isKind(error, 'Conflict', 'NotFound')) return false;
        throw error;
      }
    },
  };
}

function hostOf(clientConfig: Json): string {
  const { name, namespace } = asObject(clientConfig['service']);
  if (typeof name === 'string') return `${name}.${asText(namespace)}.svc`;
  return new URL(asText(clientConfig['url'])).hostname.replace(/^\[(.*)\]$/, '$1');
}
