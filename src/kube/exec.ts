import type { KubeConfig } from '@kubernetes/client-node';
import type { IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import { printable } from '../core/printable.ts';
import { fromResponse, toApiError } from './api-error.ts';
import { Deadline } from './deadline.ts';
import { asList, asObject, asText } from '../core/json.ts';

/** `v5` can half-close, which nothing here needs; both carry the exit status. */
const PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];
const MAX_OUTPUT_BYTES = 16 * 1024;
const HANDSHAKE_MS = 10_000;
const CHANNEL = { stdout: 1, stderr: 2, status: 3 } as const;

export interface ExecRequest {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly command: readonly string[];
  /** For the whole call, milliseconds. The remote command is not ended by it: it has to bound itself. */
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
}

/** How an exec ended. Only `exited` says that the command ran to its end. */
export type ExecResult =
  | { readonly kind: 'exited'; readonly exitCode: number; readonly stdout: string; readonly stderr: string }
  /** The runtime could not start the command: no such file, no such container. */
  | { readonly kind: 'notStarted'; readonly message: string }
  /** The API server refused the call. */
  | { readonly kind: 'refused'; readonly status: number; readonly message: string }
  /** The answer never came, or the connection broke before the status: what happened in the container is not known. */
  | { readonly kind: 'unknown'; readonly isTimeout: boolean; readonly message: string };

/** Runs a command in a container over the exec WebSocket; never rejects but on abort by `signal`. */
export async function execInContainer(kubeConfig: KubeConfig, request: ExecRequest): Promise<ExecResult> {
  using deadline = new Deadline(request.deadlineMs, request.signal);
  const options: { headers?: Record<string, string> } = {};
  await kubeConfig.applyToHTTPSOptions(options);
  const socket = new WebSocket(execUrl(kubeConfig, request), PROTOCOLS, {
    ...options,
    handshakeTimeout: HANDSHAKE_MS,
    maxPayload: 1024 * 1024,
    followRedirects: false,
  });
  try {
    const result = await outcomeOf(socket, deadline.signal);
    request.signal.throwIfAborted();
    return result;
  } finally {
    socket.on('error', () => undefined); // a socket cut while it connects reports it once more
    socket.terminate();
  }
}

function outcomeOf(socket: WebSocket, signal: AbortSignal): Promise<ExecResult> {
  const { promise, resolve } = Promise.withResolvers<ExecResult>();
  const output = new BoundedOutput();
  const giveUp = () => {
    resolve({ kind: 'unknown', isTimeout: true, message: 'the exec did not end in time' });
  };
  if (signal.aborted) giveUp();
  signal.addEventListener('abort', giveUp, { once: true });
  socket.on('unexpected-response', (_request, response) => void refusalOf(response).then(resolve));
  socket.on('error', (error) =>
    resolve({ kind: 'unknown', isTimeout: false, message: toApiError(error, 'exec').message }),
  );
  socket.on('close', () =>
    resolve({
      kind: 'unknown',
      isTimeout: false,
      message: 'the connection ended before the status of the command came',
    }),
  );
  socket.on('message', (data: Buffer | ArrayBuffer | Buffer[]) => {
    const frame = Buffer.isBuffer(data) ? data : Buffer.from(data as ArrayBuffer);
    if (frame[0] === CHANNEL.status) resolve(statusOf(frame.subarray(1), output));
    else if (frame[0] === CHANNEL.stdout || frame[0] === CHANNEL.stderr) output.add(frame[0], frame.subarray(1));
    // Empty frames and CLOSE frames carry nothing.
  });
  return promise;
}

class BoundedOutput {
  readonly #chunks: Record<1 | 2, Buffer[]> = { 1: [], 2: [] };
  #left = MAX_OUTPUT_BYTES;

  add(channel: 1 | 2, chunk: Buffer): void {
    const kept = chunk.subarray(0, this.#left);
    this.#left -= kept.length;
    if (kept.length > 0) this.#chunks[channel].push(kept);
  }

  read(channel: 1 | 2): string {
    return Buffer.concat(this.#chunks[channel]).toString('utf8');
  }
}

/** What the runtime wrote is foreign: a status of another form than Kubernetes gives it says nothing. */
function statusOf(frame: Buffer, output: BoundedOutput): ExecResult {
  const status = asObject(parseJson(frame));
  const outcome = asText(status['status']);
  const exit = asList(asObject(status['details'])['causes']).find(({ reason }) => reason === 'ExitCode');
  if (outcome === 'Failure' && !exit) {
    return { kind: 'notStarted', message: printable(asText(status['message']) || 'no reason given', 512) };
  }
  const exitCode = outcome === 'Success' ? '0' : asText(exit?.['message']);
  if (!/^\d{1,3}$/.test(exitCode)) {
    return { kind: 'unknown', isTimeout: false, message: 'the status of the command cannot be read' };
  }
  const [stdout, stderr] = [output.read(CHANNEL.stdout), output.read(CHANNEL.stderr)];
  return { kind: 'exited', exitCode: Number(exitCode), stdout, stderr };
}

function parseJson(frame: Buffer): unknown {
  try {
    return JSON.parse(frame.toString('utf8'));
  } catch {
    return undefined; // not JSON: the caller says that it cannot be read
  }
}

/** The body of a refused handshake holds the Status that says why; client-node loses it. */
async function refusalOf(response: IncomingMessage): Promise<ExecResult> {
  let body = '';
  try {
    for await (const chunk of response) {
      body += String(chunk);
      if (body.length > MAX_OUTPUT_BYTES) break;
    }
  } catch {
    // a cut body: the status code alone says enough
  }
  const status = response.statusCode ?? 0;
  return { kind: 'refused', status, message: fromResponse({ status, body, what: 'exec' }).message };
}

/** Every part is percent-encoded: no name can add a query or leave its place. */
function execUrl(kubeConfig: KubeConfig, { namespace, pod, container, command }: ExecRequest): string {
  const server = kubeConfig.getCurrentCluster()?.server;
  if (server === undefined) throw new TypeError('the kubeconfig names no cluster');
  const query = new URLSearchParams({ container, stdin: 'false', stdout: 'true', stderr: 'true', tty: 'false' });
  for (const word of command) query.append('command', word);
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}/exec`;
  return `${server.replace(/^http/, 'ws').replace(/\/+$/, '')}${path}?${query.toString()}`;
}
