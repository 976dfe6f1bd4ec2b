import type { IncomingMessage } from 'node:http';
import { HttpProblem } from './http-answer.ts';

/** What HTTP/1.1 asks of the head of a request: Node would refuse it without a body that says why. @throws HttpProblem 400, 417 */
export function guardProtocol({ httpVersion, headers: { host, expect } }: IncomingMessage): void {
  if (httpVersion !== '1.1') return;
  if (host === undefined) {
    throw new HttpProblem(400, 'MalformedRequest', 'a request of HTTP/1.1 must name its Host', { Connection: 'close' });
  }
  if (expect !== undefined && expect.toLowerCase() !== '100-continue') {
    throw new HttpProblem(417, 'ExpectationFailed', 'the only expectation that is met is 100-continue');
  }
}
