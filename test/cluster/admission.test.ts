import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createReviewer } from '../../src/admission/reviewer.ts';
import { startWebhook, type WebhookServer } from '../../src/admission/webhook-server.ts';
import { CertificateAuthority, type KeyPair } from './certificates.ts';
import { configText } from './config-reload.ts';
import { useOwnControlPlane } from './use-cluster.ts';
import { waitUntil } from './wait-until.ts';
import { pointWebhook } from './webhook.ts';

describe('the admission webhook behind a real API server', async () => {
  const cluster = await useOwnControlPlane();
  const { namespace } = cluster;
  const reviewer = createReviewer({ maxConfigBytes: 65_536 });
  const authority = await CertificateAuthority.create();
  const asTls = ({ certificate, key }: KeyPair) => ({ cert: certificate, key });
  const issue = async (by = authority) => asTls(await by.issue({ commonName: 'webhook', hosts: ['127.0.0.1'] }));
  let webhook: WebhookServer;

  const BAD = configText(2048).replace('512', '2000');
  const manifest = (name: string, text: string, annotations: Record<string, string> = { enabled: 'true' }) =>
    JSON.stringify({
      ...{ apiVersion: 'v1', kind: 'ConfigMap' },
      metadata: {
        ...{ name, namespace },
        annotations: Object.fromEntries(
          Object.entries(annotations).map(([key, value]) => [`reload.leindex.io/${key}`, value]),
        ),
      },
      data: { 'mcp.yaml': text },
    });
  const point = (port: number, by = authority) => pointWebhook(cluster, port, by.pair.certificate);
  /** The API server takes up a configuration a moment after it was written. */
  const untilRefused = () =>
    waitUntil({
      what: 'the API server asks the webhook',
      check: () =>
        cluster.kubectlApply(manifest('probe', BAD), '--dry-run=server').then(
          () => false,
          () => true,
        ),
    });

  beforeAll(async () => {
    webhook = await startWebhook({ host: '127.0.0.1', port: 0, pair: await issue(), review: reviewer.review });
    await point(webhook.port);
    await untilRefused();
  });
  afterAll(async () => {
    await webhook.close();
    await reviewer.close();
  });

  test('refuses an invalid text, naming place and rule, also in a dry run', async () => {
    await cluster.kubectlApply(manifest('app', configText(2048)));
    await expect(cluster.kubectlApply(manifest('app', BAD))).rejects.toThrow(/mcp\.yaml:4:\d+ memory\.global_index_mb/);
    await expect(cluster.kubectlApply(manifest('new', BAD), '--dry-run=server')).rejects.toThrow('global_index_mb');
    const { data } = await cluster.core.readNamespacedConfigMap({ name: 'app', namespace });
    expect(data).toEqual({ 'mcp.yaml': configText(2048) });
  });

  test('refuses an annotation that cannot be read', async () => {
    const wrong = manifest('app', configText(2048), { enabled: 'true', timeout: 'soon' });
    await expect(cluster.kubectlApply(wrong)).rejects.toThrow(/reload\.leindex\.io\/timeout: "soon"/);
  });

  test('refuses a text over the limit', async () => {
    const huge = `${configText(2048)}# ${'x'.repeat(100_000)}\n`;
    // Server-side: the client's own copy of so large an object does not fit into an annotation.
    await expect(cluster.kubectlApply(manifest('huge', huge), '--server-side')).rejects.toThrow(/65536|64 KiB/);
  });

  test('allows with a warning what has an unknown annotation', async () => {
    const body = JSON.parse(manifest('warned', configText(2048), { enabled: 'true', strategi: 'auto' })) as object;
    const warnings: string[] = [];
    await cluster.core.createNamespacedConfigMapWithHttpInfo({ namespace, body }).then(({ headers }) => {
      for (const [name, value] of Object.entries(headers)) if (name.toLowerCase() === 'warning') warnings.push(value);
    });
    expect(warnings.join()).toContain('did you mean strategy?');
  });

  test('leaves alone what has not opted in, what opts out, and other kinds', async () => {
    await cluster.kubectlApply(manifest('foreign', BAD, {}));
    await cluster.kubectlApply(manifest('app', BAD, { enabled: 'false' }));
    await cluster.core.createNamespacedSecret({ namespace, body: { metadata: { name: 'secret' } } });
  });

  test('follows a rotated certificate', async () => {
    const other = await CertificateAuthority.create();
    await point(webhook.port, other);
    await waitUntil({
      what: 'the API server trusts the new authority alone, and so not the old certificate',
      check: () =>
        cluster.kubectlApply(manifest('probe', BAD), '--dry-run=server').then(
          () => true,
          () => false,
        ),
    });
    webhook.replacePair(await issue(other));
    await untilRefused();
    webhook.replacePair(await issue());
    await point(webhook.port);
    await untilRefused();
  });

  test('fails open where it is slow', async () => {
    const asked = Promise.withResolvers<undefined>();
    const slow: Server = createServer(await issue(), () => asked.resolve(undefined));
    await new Promise<void>((resolve) => void slow.listen(0, '127.0.0.1', resolve));
    await point((slow.address() as AddressInfo).port);
    await waitUntil({
      what: 'a write is allowed though the webhook never answers',
      check: () =>
        cluster.kubectlApply(manifest('slow', BAD)).then(
          () => true,
          () => false,
        ),
    });
    await asked.promise;
    slow.close();
    slow.closeAllConnections();
    await point(webhook.port);
    await untilRefused();
  });

  test('fails open where it is down', async () => {
    await webhook.close();
    await cluster.kubectlApply(manifest('down', BAD));
  });
});
