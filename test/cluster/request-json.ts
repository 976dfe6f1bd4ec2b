import { once } from 'node:events';
import { request, type RequestOptions } from 'node:https';
import { json } from 'node:stream/consumers';
import type { IncomingMessage } from 'node:http';
import type { KubeConfig } from '@kubernetes/client-node';

/** One request of the API server that no typed client has. The status is for the caller to judge. */
export async function requestJson(
  kubeConfig: KubeConfig,
  ask: {
    readonly method?: string;
    readonly path: string;
    readonly accept?: string;
    readonly contentType?: string;
    readonly body?: unknown;
  },
): Promise<{ readonly status: number; readonly body: unknown }> {
  const { method = 'GET', path, accept = 'application/json', contentType = 'application/json', body } = ask;
  const options: RequestOptions = { method, headers: { accept, 'content-type': contentType } };
  await kubeConfig.applyToHTTPSOptions(options);
  const asking = request(new URL(path, kubeConfig.getCurrentCluster()?.server), options);
  asking.end(body === undefined ? undefined : JSON.stringify(body));
  const [answer] = (await once(asking, 'response')) as [IncomingMessage];
  return { status: answer.statusCode ?? 0, body: await json(answer) };
}
