import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { pino } from 'pino';
import { afterAll, describe, expect, test } from 'vitest';
import { createKubeClient, type KubeClient } from '../../src/kube/kube-client.ts';
import { resourcePath } from '../../src/kube/resource-path.ts';
import { resources } from '../../src/kube/resources.ts';
import { useCluster } from './use-cluster.ts';

describe('the client on the real API server', async () => {
  const cluster = await useCluster();
  const { namespace } = cluster;
  const path = resourcePath(resources.configMaps, { namespace });

  const useClient = (kubeconfig: string): KubeClient => {
    const client = createKubeClient({ kubeconfig, userAgent: 'test', logger: pino({ level: 'silent' }) });
    afterAll(() => client.close());
    return client;
  };

  test('three watches, the Lease and 100 lists at once take three connections', async () => {
    let connections = 0;
    const count = () => connections++;
    subscribe('undici:client:connected', count);
    const client = useClient(cluster.kubeconfig);
    const stop = new AbortController();
    for (let n = 0; n < 3; n++) {
      await client.stream({ path, query: { watch: true }, signal: stop.signal, idleTimeoutMs: 60_000 });
    }
    await client.request({ path, lane: 'lease' });
    await Promise.all(Array.from({ length: 100 }, () => client.request({ path })));
    stop.abort();
    unsubscribe('undici:client:connected', count);
    expect(connections).toBe(3);
  });

  test('a lost race, a name that is taken, a missing object and a text that is too large are told apart', async () => {
    const client = useClient(cluster.kubeconfig);
    const create = (name: string, data: object = {}) =>
      client.request<{ metadata: { resourceVersion: string } }>({
        method: 'POST',
        path,
        body: { metadata: { name }, data },
      });
    const { body } = await create('one');
    await expect(create('one')).rejects.toMatchObject({ kind: 'AlreadyExists' });
    await client.mergePatch(`${path}/one`, { data: { a: 'b' } });
    const stale = { metadata: { resourceVersion: body.metadata.resourceVersion }, data: { a: 'c' } };
    await expect(client.mergePatch(`${path}/one`, stale)).rejects.toMatchObject({ kind: 'Conflict' });
    await expect(client.request({ path: `${path}/none` })).rejects.toMatchObject({
      kind: 'NotFound',
      reason: 'NotFound',
    });
    await expect(create('large', { text: 'x'.repeat(4 << 20) })).rejects.toMatchObject({
      kind: expect.stringMatching(/^(TooLarge|Invalid)$/),
    });
  });

  test('F48: a token that is refused is read anew: the first call after the file was mended gets through', async () => {
    await cluster.core.createNamespacedServiceAccount({ namespace, body: { metadata: { name: 'rotated' } } });
    const good = await cluster.serviceAccountKubeconfig({ namespace, name: 'rotated' });
    const file = `${good}.in-use`;
    const expiredToken = '$1eyJhbGciOiJub25lIn0.e30.';
    await writeFile(file, (await readFile(good, 'utf8')).replace(/(token: *"?)[\w-]+\.[\w-]+\./, expiredToken));
    const client = useClient(file);
    // It holds no rights: who is known is forbidden, who is not is unauthorized.
    await expect(client.request({ path })).rejects.toMatchObject({ kind: 'Unauthorized' });
    await copyFile(good, file);
    await expect(client.request({ path })).rejects.toMatchObject({ kind: 'Forbidden' });
  });
});
