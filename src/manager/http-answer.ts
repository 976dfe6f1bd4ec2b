import type { ServerResponse } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ReloadResult } from '../core/reload-result.ts';

/** What a route gives back; written by `sendAnswer`. */
export interface HttpAnswer {
  readonly status: number;
  readonly body: unknown;
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Why a request was not even tried. The reasons of reloads are in `manager-reasons.ts`. */
export type RequestReason =
  | 'MalformedRequest'
  | 'Unauthorized'
  | 'OriginNotAllowed'
  | 'HostNotAllowed'
  | 'RouteNotFound'
  | 'NotLoaded'
  | 'MethodNotAllowed'
  | 'RequestTimeout'
  | 'BodyTooLarge'
  | 'UnsupportedMediaType'
  | 'ExpectationFailed'
  | 'HeadersTooLarge'
  | 'Stopping'
  | 'InternalError';

/** A request that is answered with a problem. Thrown anywhere below the router. */
export class HttpProblem extends Error {
  readonly answer: HttpAnswer;

  constructor(status: number, reason: RequestReason, detail: string, headers: Readonly<Record<string, string>> = {}) {
    super(detail);
    this.name = 'HttpProblem';
    this.answer = { ...problem({ status, reason, detail, result: resultOfStatus(status, reason) }), headers };
  }
}

/** A problem document of RFC 9457, with `result` and `reason` beside the standard members. */
export function problem(input: {
  status: number;
  reason: string;
  detail: string;
  result: ReloadResult;
  more?: Readonly<Record<string, unknown>>;
}): HttpAnswer {
  const { status, reason, detail, result, more = {} } = input;
  const title = STATUS_CODES[status] ?? 'Error';
  const body = { type: 'about:blank', title, status, detail, result, reason, ...more };
  return { status, body, contentType: 'application/problem+json' };
}

export function sendAnswer(response: ServerResponse, answer: HttpAnswer): void {
  if (response.headersSent || response.destroyed) return;
  const { headers, payload } = render(answer);
  response.writeHead(answer.status, headers);
  response.end(payload);
}

/** How long a client may take to read such an answer, and to end its own side. */
const LINGER_MS = 1000;

/** The same on a connection whose request was never one, and closes the connection: it does not hang on the client's ending it, too. */
export function endWithAnswer(socket: Duplex, answer: HttpAnswer): void {
  const { headers, payload } = render({ ...answer, headers: { ...answer.headers, Connection: 'close' } });
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status] ?? 'Error'}\r\n${lines.join('')}\r\n`;
  socket.end(Buffer.concat([Buffer.from(head), payload]));
  // Not at once: a reset, for what was sent and is not read here, could overtake the answer.
  const close = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(close));
}

function render(answer: HttpAnswer): { headers: Record<string, string | number>; payload: Buffer } {
  const isText = typeof answer.body === 'string';
  const payload = Buffer.from(isText ? answer.body : `${JSON.stringify(answer.body)}\n`);
  const headers = {
    'Content-Type': answer.contentType ?? 'application/json',
    'Content-Length': payload.length,
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...answer.headers,
  };
  return { headers, payload };
}

function resultOfStatus(status: number, reason: RequestReason): ReloadResult {
  return status === 404 && reason === 'NotLoaded' ? 'file_not_found' : 'io_error';
}
