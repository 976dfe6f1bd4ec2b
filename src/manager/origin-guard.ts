import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { HttpProblem } from './http-answer.ts';

/**
 * Keeps browsers out: a page of another site must not reach the endpoint, neither across origins nor by a name that it
 * points at this machine (DNS rebinding). @throws HttpProblem 403
 */
export function guardOrigin(request: IncomingMessage, isLoopback: boolean): void {
  const { host, origin } = request.headers;
  if (isLoopback && host !== undefined && !isLocalHost(host)) {
    throw new HttpProblem(403, 'HostNotAllowed', 'on a loopback address the Host must be localhost or an IP address');
  }
  if (origin !== undefined && hostOfOrigin(origin) !== host) {
    throw new HttpProblem(403, 'OriginNotAllowed', 'requests from web pages of another origin are not answered');
  }
  if (request.headers['sec-fetch-site'] === 'cross-site') {
    throw new HttpProblem(403, 'OriginNotAllowed', 'requests from web pages of another site are not answered');
  }
}

/** An address is no name, so that nobody can point it elsewhere. */
function isLocalHost(host: string): boolean {
  const name = host.replace(/:\d{1,5}$/, '').toLowerCase();
  return name === 'localhost' || isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0;
}

function hostOfOrigin(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}
