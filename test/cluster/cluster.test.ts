import { Watch, type V1ConfigMap } from '@kubernetes/client-node';
import { CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { describe, expect, test } from 'vitest';
import { useCluster, useOwnControlPlane } from './use-cluster.ts';
import { kubernetesVersion } from './versions.ts';
import { waitUntil } from './wait-until.ts';

describe('the shared control plane', async () => {
  const cluster = await useCluster();

  test('is the pinned Kubernetes', async () => {
    expect(JSON.parse(await cluster.kubectl('version', '-o', 'json'))).toMatchObject({
      clientVersion: { gitVersion: kubernetesVersion },
      serverVersion: { gitVersion: kubernetesVersion },
    });
  });

  test('tells a watch of a ConfigMap that is created and changed', async () => {
    const seen: string[] = [];
    const path = `/api/v1/namespaces/${cluster.namespace}/configmaps`;
    const abort = await new Watch(cluster.kubeConfig).watch(
      path,
      {},
      (type, object: V1ConfigMap) => seen.push(`${type} ${object.metadata?.name ?? ''} ${object.data?.['text'] ?? ''}`),
      () => undefined,
    );
    const manifest = (text: string): string =>
      `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: leindex }\ndata: { text: ${text} }\n`;
    await cluster.apply(manifest('one'), cluster.namespace);
    await cluster.kubectlApply(manifest('two'), '-n', cluster.namespace, '--server-side', '--force-conflicts');
    await waitUntil({ what: 'both are seen', check: () => seen.length >= 2, timeoutMs: 10_000 });
    abort.abort();
    expect(seen).toEqual(['ADDED leindex one', 'MODIFIED leindex two']);
  });

  test('lets a service account do what its role says and no more', async () => {
    const { namespace } = cluster;
    await cluster.apply(
      `
apiVersion: v1
kind: ServiceAccount
metadata: { name: reader }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: reader }
rules: [{ apiGroups: [''], resources: [configmaps], verbs: [list] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: reader }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader }
subjects: [{ kind: ServiceAccount, name: reader, namespace: ${namespace} }]
`,
      namespace,
    );
    const reader = new KubeConfig();
    reader.loadFromFile(await cluster.serviceAccountKubeconfig({ namespace, name: 'reader' }));
    const core = reader.makeApiClient(CoreV1Api);
    await expect(core.listNamespacedConfigMap({ namespace })).resolves.toBeDefined();
    await expect(core.listNamespacedSecret({ namespace })).rejects.toMatchObject({ code: 403 });
  });

  test('records each request before it is answered', async () => {
    const { namespace } = cluster;
    await cluster.core.createNamespacedConfigMap({ namespace, body: { metadata: { name: 'audited' } } });
    const creations = await cluster.readAudit(
      ({ verb, objectRef }) => verb === 'create' && objectRef?.namespace === namespace && objectRef.name === 'audited',
    );
    expect(creations).toMatchObject([{ user: { username: 'admin' }, responseStatus: { code: 201 } }]);
  });

  test('removes a namespace with pods in it, and leaves others alone', async () => {
    const namespace = await cluster.createNamespace();
    const pod = {
      metadata: { name: 'pod' },
      spec: { containers: [{ name: 'main', image: 'none' }], nodeName: 'none' },
    };
    await cluster.core.createNamespacedPod({ namespace, body: pod });
    await cluster.removeNamespace(namespace);
    await expect(cluster.core.readNamespace({ name: namespace })).rejects.toMatchObject({ code: 404 });
    await expect(cluster.core.readNamespacedPod({ namespace, name: 'pod' })).rejects.toMatchObject({ code: 404 });
    await expect(cluster.core.readNamespace({ name: cluster.namespace })).resolves.toBeDefined();
  });
});

describe('a control plane of its own', async () => {
  const cluster = await useOwnControlPlane();

  test('keeps its data when the API server is killed and started again', async () => {
    const { namespace, controlPlane } = cluster;
    const name = 'kept';
    await cluster.core.createNamespacedConfigMap({ namespace, body: { metadata: { name } } });
    controlPlane.apiserver.child.kill('SIGKILL');
    await controlPlane.apiserver.stop();
    await expect(cluster.core.readNamespacedConfigMap({ namespace, name })).rejects.toThrow();
    await controlPlane.apiserver.start();
    await expect(cluster.core.readNamespacedConfigMap({ namespace, name })).resolves.toMatchObject({
      metadata: { name },
    });
  });
});
