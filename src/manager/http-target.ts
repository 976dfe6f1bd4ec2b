import type { TargetReason } from '../core/reasons.ts';
import { describeError } from './describe-error.ts';
import { plainHttpUrl } from './plain-http-url.ts';
import { ReloadTargetError, type Candidate, type ReloadTarget } from './reload-target.ts';
import { isLoopbackAddress } from './loopback.ts';

export interface HttpTargetOptions {
  /** `http:` or `https:`, on loopback unless `allowRemote`. */
  readonly url: string;
  /** Default POST. */
  readonly method?: 'POST' | 'GET' | 'PUT';
  /** Default: any from 200 to 299. */
  readonly expectStatus?: number;
  /** For the whole answer, in milliseconds; default 10000. */
  readonly timeoutMs?: number;
  /** Allows hosts other than this machine; default false. */
  readonly allowRemote?: boolean;
  readonly readsFile?: boolean;
}

/** Asks a process beside this one to reload, by one HTTP request. Redirects are not followed, and the answer's body is not read. */
export class HttpTarget implements ReloadTarget {
  readonly readsFile: boolean;
  readonly #url: URL;
  readonly #options: HttpTargetOptions;

  /** @throws TypeError where the URL cannot be used. */
  constructor(options: HttpTargetOptions) {
    const url = plainHttpUrl(options.url, 'the reload URL');
    if (!options.allowRemote && !isLoopbackAddress(url.hostname.replace(/^\[(.*)\]$/, '$1'))) {
      throw new TypeError(`the reload URL must be on this machine (127.0.0.1, localhost), not on ${url.hostname}`);
    }
    this.#url = url;
    this.#options = options;
    this.readsFile = options.readsFile ?? true;
  }

  async apply(_candidate: Candidate, signal: AbortSignal): Promise<TargetReason> {
    const { method = 'POST', timeoutMs = 10_000, expectStatus } = this.#options;
    const deadline = AbortSignal.timeout(timeoutMs);
    let response: Response;
    try {
      response = await fetch(this.#url, { method, redirect: 'manual', signal: AbortSignal.any([deadline, signal]) });
      await response.body?.cancel();
    } catch (error) {
      if (deadline.aborted)
        throw new ReloadTargetError('EndpointTimeout', `no answer within ${timeoutMs} ms`, { cause: error });
      const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
      throw new ReloadTargetError('EndpointUnreachable', `the reload URL cannot be reached: ${describeError(cause)}`, {
        cause: error,
      });
    }
    const { status } = response;
    if (expectStatus === undefined ? response.ok : status === expectStatus) return 'EndpointConfirmed';
    throw new ReloadTargetError(
      reasonOf(status),
      `the reload URL answered ${status}, not ${expectStatus ?? '200 to 299'}`,
    );
  }
}

function reasonOf(status: number): TargetReason {
  if (status >= 300 && status < 400) return 'EndpointRedirected';
  if (status === 401 || status === 403) return 'EndpointUnauthorized';
  if (status === 404) return 'EndpointNotFound';
  if (status === 409) return 'EndpointBusy';
  return status < 500 ? 'EndpointRefused' : 'EndpointFailed';
}
