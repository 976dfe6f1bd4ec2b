import type { KubeConfig } from '@kubernetes/client-node';
import { WebSocket } from 'ws';

/** Asks for an exec, and gives the API server's refusal: status and text. Rejects where the exec is granted. */
export async function requestExec(
  kubeConfig: KubeConfig,
  exec: {
    readonly namespace: string;
    readonly pod: string;
    readonly query: string;
    readonly command: readonly string[];
  },
): Promise<{ readonly status: number; readonly text: string }> {
  const words = exec.command.map((word) => `&command=${encodeURIComponent(word)}`).join('');
  const path = `/api/v1/namespaces/${exec.namespace}/pods/${exec.pod}/exec?stdout=true&container=app${exec.query}${words}`;
  const options: { headers?: Record<string, string> } & Record<string, unknown> = {};
  await kubeConfig.applyToHTTPSOptions(options);
  const socket = new WebSocket(
    (kubeConfig.getCurrentCluster()?.server ?? '').replace(/^http/, 'ws') + path,
    ['v5.channel.k8s.io'],
    options,
  );
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>();
  socket.on('open', () => {
    socket.close();
    reject(new Error('the exec was granted'));
  });
  socket.on('error', reject);
  socket.on('unexpected-response', (_request, response) => {
    let text = '';
    response.on('data', (chunk: Buffer) => (text += chunk.toString()));
    response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
  });
  return await promise;
}
