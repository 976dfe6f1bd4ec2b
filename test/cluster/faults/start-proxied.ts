import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { afterAll } from 'vitest';
import { parse } from 'yaml';
import { configReloadCrd } from '../../../src/kube/crd.ts';
import type { Feature } from '../../../src/kube/permissions.ts';
import { rbacObjects } from '../../../src/kube/rbac.ts';
import type { Cluster } from '../cluster.ts';
import { FaultProxy } from './fault-proxy.ts';

/** CRD, the account of `deploy/rbac.yaml` in the test's namespace with a Role in each of `watched`, and a proxy through which it reaches the API server. */
export async function startProxied(
  cluster: Cluster & { readonly namespace: string },
  watched: readonly string[] = [cluster.namespace],
  features: readonly Feature[] = ['core', 'leader-election'],
): Promise<FaultProxy> {
  const { namespace } = cluster;
  await cluster.apply(configReloadCrd as never);
  for (const object of rbacObjects({ features, namespace, watched })) await cluster.apply(object as never);
  const path = await cluster.serviceAccountKubeconfig({ namespace, name: 'leindex-reloader' });
  const { users } = parse(await readFile(path, 'utf8')) as { users: [{ user: { token: string } }] };
  const proxy = await FaultProxy.start(cluster, dirname(dirname(cluster.kubeconfig)), users[0].user.token);
  afterAll(() => proxy.close());
  return proxy;
}
