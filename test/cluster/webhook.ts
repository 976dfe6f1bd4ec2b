import type { KubernetesObject } from '@kubernetes/client-node';
import { fixedWebhook } from '../../src/admission/webhook-configuration.ts';
import type { Cluster } from './cluster.ts';
import { waitUntil } from './wait-until.ts';

/** Has the API server ask the webhook on this loopback port; without `ca` (PEM) it trusts what the configuration has already. */
export async function pointWebhook(cluster: Cluster, port: number, ca?: string): Promise<void> {
  const caBundle = ca === undefined ? {} : { caBundle: Buffer.from(ca).toString('base64') };
  const clientConfig = { url: `https://127.0.0.1:${port}/validate`, ...caBundle };
  await cluster.apply({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: 'leindex-reloader' },
    webhooks: [{ ...fixedWebhook, clientConfig, failurePolicy: 'Ignore', timeoutSeconds: 3 }],
  } as never);
}

/** What the API server trusts the webhook by, PEM; empty where nothing is written yet. */
export async function readTrust(cluster: Cluster): Promise<string> {
  const configuration = await cluster.objects.read<
    KubernetesObject & { webhooks?: { clientConfig?: { caBundle?: string } }[] }
  >({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: 'leindex-reloader' },
  });
  return Buffer.from(configuration.webhooks?.[0]?.clientConfig?.caBundle ?? '', 'base64').toString();
}

/** Whether the API server lets this ConfigMap be created, and what it says; nothing is stored. */
export async function tryCreate(
  cluster: Cluster,
  configMap: { readonly metadata: { readonly namespace: string } },
): Promise<{ isAllowed: boolean; message: string; warnings: string[] }> {
  const { namespace } = configMap.metadata;
  const options = { namespace, body: configMap as never, dryRun: 'All' };
  try {
    const { headers } = await cluster.core.createNamespacedConfigMapWithHttpInfo(options);
    const warnings = Object.entries(headers).filter(([name]) => name.toLowerCase() === 'warning');
    return { isAllowed: true, message: '', warnings: warnings.map(([, value]) => value) };
  } catch (error) {
    const { code, body } = error as { code?: number; body?: string };
    if (code !== 422) throw error;
    return { isAllowed: false, message: (JSON.parse(body ?? '{}') as { message: string }).message, warnings: [] };
  }
}

/** The API server takes up a configuration a moment after it was written. */
export async function untilAllowed(isAllowed: boolean, check: () => Promise<{ isAllowed: boolean }>): Promise<void> {
  const what = `the API server ${isAllowed ? 'allows' : 'refuses'} it`;
  await waitUntil({ what, check: async () => (await check()).isAllowed === isAllowed });
}
