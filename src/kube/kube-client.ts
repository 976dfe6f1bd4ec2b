import type { KubeConfig } from '@kubernetes/client-node';
import type { Logger } from 'pino';
import type { Dispatcher } from 'undici';
import { CallQueue, type Urgency } from './call-queue.ts';
import { ApiError, fromResponse, toApiError } from './api-error.ts';
import { Credentials } from './credentials.ts';
import { Deadline } from './deadline.ts';
import { Dispatchers, type Lane } from './dispatchers.ts';
import { readLines } from './line-reader.ts';

export type QueryValue = string | number | boolean | readonly string[] | undefined;

export interface KubeRequest {
  /** `GET` by default. */
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Absolute, percent-encoded, without query: see `resourcePath`. */
  readonly path: string;
  /** Undefined values are left out. */
  readonly query?: Readonly<Record<string, QueryValue>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** `application/json` by default. */
  readonly contentType?: string;
  /** `application/json` by default. */
  readonly accept?: string;
  readonly signal?: AbortSignal | undefined;
  /** From the moment the call begins, answer read, retry included; milliseconds, 15,000 by default. */
  readonly deadlineMs?: number;
  /** Whose connections to use; `calls` by default. */
  readonly lane?: Lane;
  /** Which of the calls that wait goes first, in the lane `calls`; `act` by default. */
  readonly urgency?: Urgency;
}

export interface KubeResponse<T> {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: T;
}

export interface KubeStreamRequest extends Pick<KubeRequest, 'path' | 'query' | 'accept'> {
  readonly signal: AbortSignal;
  /** Until the answer begins, milliseconds; 30,000 by default. */
  readonly deadlineMs?: number;
  /** The stream fails with `Timeout` when this long nothing comes, milliseconds. */
  readonly idleTimeoutMs: number;
}

type PatchOptions = Pick<KubeRequest, 'query' | 'signal' | 'deadlineMs' | 'lane' | 'urgency'>;

/**
 * The one way to the API server: authentication, shared connections, deadlines, one retry of a 401, classification.
 * Every failure is an `ApiError`.
 */
export interface KubeClient {
  /** For the exec WebSocket: ask each time, a changed CA makes a new one. */
  readonly kubeConfig: KubeConfig;
  /** `T` is the shape that the API server promises for the path; it is not checked. */
  request<T>(request: KubeRequest): Promise<KubeResponse<T>>;
  /** JSON merge patch: sets what it names, removes what it sets to null, leaves the rest alone. */
  mergePatch<T>(path: string, patch: object, options?: PatchOptions): Promise<KubeResponse<T>>;
  /** Server-side apply of all fields this field manager wants, taking over conflicting ones. */
  applyPatch<T>(path: string, object: object, options?: PatchOptions): Promise<KubeResponse<T>>;
  /** A watch: resolves when the answer begins, then yields its lines. Leaving the loop cuts it. */
  stream(request: KubeStreamRequest): Promise<AsyncIterable<string>>;
  /** Cuts everything under way. */
  close(): Promise<void>;
}

export interface KubeClientOptions {
  /** A kubeconfig file; default: KUBECONFIG, ~/.kube/config, then the pod's service account. */
  readonly kubeconfig?: string | undefined;
  /** A context of it; default: its current one. */
  readonly context?: string | undefined;
  readonly userAgent: string;
  readonly logger: Logger;
  /** Owner of the fields that patches set. */
  readonly fieldManager?: string;
}

const CALL_DEADLINE_MS = 15_000;
const STREAM_DEADLINE_MS = 30_000;
/** More at once makes an API server slower for all of them, not faster. */
const MOST_CALLS = 32;

/** @throws Error where no kubeconfig can be read or it names no cluster */
export function createKubeClient(options: KubeClientOptions): KubeClient {
  return new SharedKubeClient(options);
}

class SharedKubeClient implements KubeClient {
  readonly #credentials: Credentials;
  readonly #dispatchers = new Dispatchers();
  readonly #queue = new CallQueue({ width: MOST_CALLS });
  readonly #userAgent: string;
  readonly #fieldManager: string;

  constructor({ kubeconfig, context, userAgent, logger, fieldManager = 'leindex-reloader' }: KubeClientOptions) {
    this.#credentials = new Credentials({ kubeconfig, context, logger });
    this.#userAgent = userAgent;
    this.#fieldManager = fieldManager;
  }

  get kubeConfig(): KubeConfig {
    return this.#credentials.kubeConfig;
  }

  async request<T>(request: KubeRequest): Promise<KubeResponse<T>> {
    const { lane = 'calls', urgency = 'act', signal, method = 'GET', path } = request;
    if (lane !== 'calls') return this.#call<T>(request, lane);
    try {
      return await this.#queue.run(urgency, signal, () => this.#call<T>(request, lane));
    } catch (error) {
      throw signal ? failure(error, `${method} ${path}`, signal) : error;
    }
  }

  async #call<T>(request: KubeRequest, lane: Lane): Promise<KubeResponse<T>> {
    const { method = 'GET', path, deadlineMs = CALL_DEADLINE_MS, signal } = request;
    using deadline = new Deadline(deadlineMs, signal);
    try {
      const timeouts = { headersTimeout: probeBefore(deadlineMs), bodyTimeout: probeBefore(deadlineMs) };
      const answer = await this.#send(request, { lane, signal: deadline.signal, ...timeouts });
      return { status: answer.statusCode, headers: answer.headers, body: parse(await answer.body.text()) as T };
    } catch (error) {
      throw failure(error, `${method} ${path}`, deadline.signal);
    }
  }

  mergePatch<T>(path: string, patch: object, options: PatchOptions = {}): Promise<KubeResponse<T>> {
    const query = { fieldManager: this.#fieldManager, ...options.query };
    return this.request({
      ...options,
      method: 'PATCH',
      path,
      body: patch,
      contentType: 'application/merge-patch+json',
      query,
    });
  }

  applyPatch<T>(path: string, object: object, options: PatchOptions = {}): Promise<KubeResponse<T>> {
    const query = { fieldManager: this.#fieldManager, force: true, ...options.query };
    return this.request({
      ...options,
      method: 'PATCH',
      path,
      body: object,
      contentType: 'application/apply-patch+yaml',
      query,
    });
  }

  async stream(request: KubeStreamRequest): Promise<AsyncIterable<string>> {
    const { path, deadlineMs = STREAM_DEADLINE_MS, signal, idleTimeoutMs } = request;
    const deadline = new Deadline(deadlineMs, signal);
    const timeouts = { headersTimeout: probeBefore(deadlineMs), bodyTimeout: idleTimeoutMs };
    try {
      const answer = await this.#send(request, { lane: 'watches', signal: deadline.signal, ...timeouts });
      deadline.lift();
      return lines(answer.body, `WATCH ${path}`, deadline);
    } catch (error) {
      deadline[Symbol.dispose]();
      throw failure(error, `WATCH ${path}`, deadline.signal);
    }
  }

  close(): Promise<void> {
    return this.#dispatchers.close();
  }

  /** An answer of 200–299 with its body unread; a 401 is tried once more with credentials read anew. */
  async #send(request: KubeRequest, via: Via, isRetry = false): Promise<Dispatcher.ResponseData> {
    const access = await untilAborted(this.#credentials.access(), via.signal);
    const { method = 'GET', body, path, contentType = 'application/json', accept = 'application/json' } = request;
    const url = new URL(access.server + path + queryString(request.query));
    const answer = await this.#dispatchers.get(via.lane, access).request({
      origin: url.origin,
      path: url.pathname + url.search,
      method,
      headers: {
        ...access.headers,
        accept,
        'user-agent': this.#userAgent,
        ...(body === undefined ? {} : { 'content-type': contentType }),
      },
      body: body === undefined ? null : JSON.stringify(body),
      signal: via.signal,
      headersTimeout: via.headersTimeout,
      bodyTimeout: via.bodyTimeout,
    });
    if (answer.statusCode >= 200 && answer.statusCode < 300) return answer;
    const text = await answer.body.text();
    if (answer.statusCode === 401 && !isRetry) {
      this.#credentials.refresh(access.generation);
      return this.#send(request, via, true);
    }
    throw fromResponse({ status: answer.statusCode, headers: answer.headers, body: text, what: `${method} ${path}` });
  }
}

interface Via {
  readonly lane: Lane;
  readonly signal: AbortSignal;
  readonly headersTimeout: number;
  readonly bodyTimeout: number;
}

/** undici's own timeout makes it ping the connection and drop a dead one, which an abort does not: it has to come first. */
function probeBefore(deadlineMs: number): number {
  return Math.max(1, Math.floor(deadlineMs * 0.95));
}

async function* lines(body: AsyncIterable<Uint8Array>, what: string, deadline: Deadline): AsyncGenerator<string, void> {
  try {
    yield* readLines(body);
  } catch (error) {
    throw failure(error, what, deadline.signal);
  } finally {
    deadline[Symbol.dispose]();
  }
}

/** After an abort the signal knows better than the error that it caused. */
function failure(error: unknown, what: string, signal: AbortSignal): ApiError {
  if (!signal.aborted || error instanceof ApiError) return toApiError(error, what);
  const isLate = signal.reason instanceof DOMException && signal.reason.name === 'TimeoutError';
  const kind = isLate ? 'Timeout' : 'Aborted';
  return new ApiError({ kind, message: `${what}: ${isLate ? 'deadline exceeded' : 'aborted'}`, cause: signal.reason });
}

/** JSON, or the text itself where the server sends text (`/healthz`, logs); empty is undefined. */
function parse(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (cause) {
    if (!/^\s*[[{"]/.test(text)) return text;
    throw new ApiError({ kind: 'Transient', reason: 'BrokenAnswer', message: 'the answer is not whole JSON', cause });
  }
}

function queryString(query: KubeRequest['query'] = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? (value as string[]) : [value as string | number | boolean | undefined]) {
      if (one !== undefined) search.append(name, String(one));
    }
  }
  return search.size === 0 ? '' : `?${search.toString()}`;
}

/** Exec plugins and OIDC refreshes cannot be cancelled; waiting for them can. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = () => reject(signal.reason as Error);
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
