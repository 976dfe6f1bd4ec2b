import type { Socket } from 'node:net';
import { endWithAnswer, HttpProblem, type RequestReason } from './http-answer.ts';

const refusals: Readonly<Record<string, readonly [number, RequestReason, string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'HeadersTooLarge', 'the head of the request is too large'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'BodyTooLarge', 'the chunk extensions of the body are too large'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'RequestTimeout', 'the request did not arrive in time'],
};

/** A request that is no HTTP, or too slow, or too long in the head: answered without going through the router. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const refusal = refusals[error.code ?? ''] ?? ([400, 'MalformedRequest', 'this is no HTTP request'] as const);
  endWithAnswer(socket, new HttpProblem(...refusal).answer);
}
