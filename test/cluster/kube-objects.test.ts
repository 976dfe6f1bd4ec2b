import { pino } from 'pino';
import { afterAll, describe, expect, test } from 'vitest';
import { configReloadCrd } from '../../src/kube/crd.ts';
import { createKubeClient } from '../../src/kube/kube-client.ts';
import { createConfigReloads } from '../../src/kube/config-reloads.ts';
import { createRevisions } from '../../src/kube/revisions.ts';
import { createSources } from '../../src/kube/sources.ts';
import { configText } from './config-reload.ts';
import { useCluster } from './use-cluster.ts';

const never = new AbortController().signal;

describe('what the controller keeps and reads', async () => {
  const cluster = await useCluster();
  const { namespace } = cluster;
  const client = createKubeClient({
    kubeconfig: cluster.kubeconfig,
    userAgent: 'test',
    logger: pino({ level: 'silent' }),
  });
  afterAll(() => client.close());

  test('old revisions go, the last known good one stays however old it is', async () => {
    await cluster.apply(configReloadCrd as never);
    const name = 'kept';
    await cluster.core.createNamespacedConfigMap({ namespace, body: { metadata: { name }, data: { a: 'b' } } });
    const source = (await createSources(client).read(`${namespace}/${name}`, never))!;
    const owner = await createConfigReloads(client, () => undefined).create(source, never);
    const revisions = createRevisions(client);
    for (let revision = 1; revision <= 6; revision++) {
      const content = Buffer.from(configText(2048 * revision));
      await revisions.save(source, owner, { revision, hash: `h${revision}`, key: 'a', content, author: 'test' }, never);
    }
    await revisions.prune(`${namespace}/${name}`, { newest: 3, and: 2 }, never);
    const left = await Promise.all(
      [1, 2, 3, 4, 5, 6].map(async (revision) => revisions.read(`${namespace}/${name}`, revision, never)),
    );
    expect(left.flatMap((one) => (one ? [one.revision] : []))).toEqual([2, 4, 5, 6]);
  });

  test.each([
    ['a token', 'Opaque', { token: 'abc' }, { token: 'abc' }],
    ['no such key', 'Opaque', { password: 'abc' }, 'missing'],
    ['a line break in it', 'Opaque', { token: 'abc\r\nX: y' }, 'missing'],
    ['one of a service account', 'kubernetes.io/service-account-token', { token: 'abc' }, 'unfit'],
  ] as const)('token-secret: %s', async (what, type, stringData, expected) => {
    const name = what.replaceAll(' ', '-');
    const account = { 'kubernetes.io/service-account.name': 'default' };
    await cluster.core
      .createNamespacedServiceAccount({ namespace, body: { metadata: { name: 'default' } } })
      .catch(() => undefined); // it is there already
    await cluster.core.createNamespacedSecret({
      namespace,
      body: { metadata: { name, annotations: account }, type, stringData: { ...stringData } },
    });
    expect(await createSources(client).readToken({ namespace, secret: name }, never)).toEqual(expected);
    expect(await createSources(client).readToken({ namespace, secret: 'none' }, never)).toBe('missing');
  });
});
