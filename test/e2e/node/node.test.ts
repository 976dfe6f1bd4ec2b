import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { busyboxImage } from '../../cluster/images.ts';
import { requestJson } from '../../cluster/request-json.ts';
import { waitUntil } from '../../cluster/wait-until.ts';
import { describeOnNode } from '../describe-on-node.ts';

describeOnNode('the node', (node) => {
  test('shows a changed ConfigMap to a running container once its pod is touched', async () => {
    const { namespace } = node;
    await node.apply(configMap('one'), namespace);
    await node.apply(busyboxPod, namespace);
    await node.waitForPod('busybox');
    const read = (): Promise<string> => node.exec('busybox', 'main', ['cat', '/etc/leindex/text']);
    expect(await read()).toBe('one');

    await node.apply(configMap('two'), namespace);
    const touchStatus = async (value: string): Promise<void> => {
      const path = `/api/v1/namespaces/${namespace}/pods/busybox/status`;
      const body = { metadata: { annotations: { touched: value } } };
      const contentType = 'application/merge-patch+json';
      const answer = await requestJson(node.kubeConfig, { method: 'PATCH', path, contentType, body });
      expect(answer.status).toBe(200);
    };
    let touches = 0;
    await waitUntil({
      what: 'the new text is in the container',
      everyMs: 500,
      timeoutMs: 30_000, // by itself the kubelet takes longer than this
      check: async () => {
        await touchStatus(String(++touches));
        return (await read()) === 'two';
      },
    });
  });

  test('has pods that the host reaches, and that reach the API server', async () => {
    const { namespace } = node;
    const app = await mkdtemp(join(tmpdir(), 'leindex-reloader-app-'));
    try {
      await writeFile(join(app, 'serve.mjs'), serveProgram);
      const name = 'localhost/leindex-reloader/serve:test';
      await node.addAppImage({ name, appFolder: app, args: ['serve.mjs'], hasShell: false });
      await node.apply(servePod(name), namespace);
      const pod = await node.waitForPod('serve');
      const answer = await fetch(`http://${pod.status?.podIP ?? ''}:8080/`);
      expect(await answer.json()).toMatchObject({ uid: 65532, major: expect.stringMatching(/^1$/) });
    } finally {
      await rm(app, { recursive: true });
    }
  });
});

function configMap(text: string): string {
  return `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: leindex }\ndata: { text: ${text} }\n`;
}

const busyboxPod = `
apiVersion: v1
kind: Pod
metadata: { name: busybox }
spec:
  terminationGracePeriodSeconds: 1
  containers:
    - name: main
      image: ${busyboxImage}
      command: [sleep, '3600']
      volumeMounts: [{ name: config, mountPath: /etc/leindex }]
  volumes: [{ name: config, configMap: { name: leindex } }]
`;

/** Answers with what it is and what the API server says its version is. */
const serveProgram = `
import { createServer } from 'node:http';
import { get } from 'node:https';
import { readFileSync } from 'node:fs';
import { json } from 'node:stream/consumers';

const account = '/var/run/secrets/kubernetes.io/serviceaccount/';
const url = 'https://' + process.env.KUBERNETES_SERVICE_HOST + ':' + process.env.KUBERNETES_SERVICE_PORT + '/version';
createServer((_, response) => {
  const asking = get(url, { ca: readFileSync(account + 'ca.crt') }, async (answer) => {
    const { major } = await json(answer);
    response.end(JSON.stringify({ uid: process.getuid(), major }));
  });
  asking.on('error', (error) => response.writeHead(502).end(String(error)));
}).listen(8080, '0.0.0.0');
`;

function servePod(image: string): string {
  return `
apiVersion: v1
kind: Pod
metadata: { name: serve }
spec:
  terminationGracePeriodSeconds: 1
  securityContext: { runAsUser: 65532, runAsNonRoot: true }
  containers:
    - name: main
      image: ${image}
      imagePullPolicy: Never
      ports: [{ containerPort: 8080 }]
      readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 }
`;
}
