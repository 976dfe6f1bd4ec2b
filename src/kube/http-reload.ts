import { Readable } from 'node:stream';
import { Agent, type Dispatcher } from 'undici';
import { isContentHash } from '../core/content-hash.ts';
import type { AddressRules } from '../core/address-rules.ts';
import { refuseEndpoint } from '../core/endpoint.ts';
import { printable } from '../core/printable.ts';
import type { EndpointChannel } from '../core/target.ts';
import type { AttemptResult, EndpointPort } from '../operator/ports.ts';
import { Deadline } from './deadline.ts';
import { asObject, asText, type Json } from '../core/json.ts';

const MAX_ANSWER_BYTES = 64 * 1024;

export interface EndpointOptions {
  /** Which addresses may be called: asked for each call, since a pod's address comes from a status that others write. */
  readonly addresses: AddressRules;
  /** PEM bundle that endpoint certificates are checked against; default: the system's. */
  readonly ca?: string | undefined;
  /** Asked when the connection stands and the first byte is about to go out; throws where this process may not act any more. */
  readonly assertMayAct?: () => void;
}

/** Reloads by the endpoint in the pod: POST with the text and its hash, and the answer's hash compared. Redirects are not followed. */
export function createEndpoints({
  addresses,
  ca,
  assertMayAct,
}: EndpointOptions): EndpointPort & { close(): Promise<void> } {
  const agent = new Agent({
    connections: 2,
    pipelining: 1,
    keepAliveTimeout: 4_000,
    connect: { timeout: 5_000, ...(ca ? { ca } : {}) },
  });
  return {
    async attempt({ channel, hash, content, trigger, isForced, token, deadlineMs }, signal) {
      const refusal = refuseEndpoint(channel, addresses);
      if (refusal !== undefined) return failed('EndpointAddressRefused', refusal);
      using deadline = new Deadline(deadlineMs, signal);
      const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content);
      const body = Buffer.from(JSON.stringify({ hash, config: text, trigger, ...(isForced ? { force: true } : {}) }));
      try {
        const answer = await agent.request({
          origin: originOf(channel),
          path: channel.path,
          method: 'POST',
          signal: deadline.signal,
          // The deadline alone ends it: a time-out of undici's own at the same moment would look like a broken connection.
          headersTimeout: 0,
          bodyTimeout: 0,
          headers: {
            'content-type': 'application/json',
            'content-length': String(body.length),
            accept: 'application/json, application/problem+json',
            ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          },
          body: assertMayAct ? Readable.from(whenWritten(body, assertMayAct), { objectMode: false }) : body,
        });
        return interpret(answer.statusCode, await readAnswer(answer.body), hash);
      } catch (error) {
        signal.throwIfAborted();
        const isLate = deadline.signal.aborted;
        return failed(
          isLate ? 'EndpointTimeout' : 'EndpointUnreachable',
          isLate ? `no answer within ${Math.ceil(deadlineMs / 1000)} s` : describe(error),
        );
      }
    },
    close: () => agent.destroy(),
  };
}

/**
 * Its head goes out with the first piece of a body: so this is the last moment at which a process that was stopped while it
 * connected can find out that another one leads, which may have delivered a newer text since.
 */
function* whenWritten(body: Buffer, assertMayAct: () => void): Generator<Buffer, void> {
  assertMayAct();
  yield body;
}

function originOf({ scheme, host, port }: EndpointChannel): string {
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** At most 64 KiB are read; a longer or broken answer counts as none. */
async function readAnswer(body: Dispatcher.ResponseData['body']): Promise<Json> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_ANSWER_BYTES) return {};
    chunks.push(chunk);
  }
  try {
    return asObject(JSON.parse(Buffer.concat(chunks).toString('utf8')));
  } catch {
    return {}; // not JSON: then its status code alone counts
  }
}

function interpret(status: number, answer: Json, hash: string): AttemptResult {
  const claimed = asText(answer['hash']);
  const claimedHash = isContentHash(claimed) ? claimed : null;
  if (status === 200) {
    if (claimedHash === hash) {
      return { reason: answer['unchanged'] === true ? 'AlreadyCurrent' : 'EndpointConfirmed', message: '', hash };
    }
    const message = claimedHash
      ? 'the endpoint says that it runs another text'
      : 'the endpoint answered 200 without the hash it runs';
    return { reason: 'EndpointUnverified', message, hash: claimedHash };
  }
  const detail = explain(status, answer);
  if (status >= 300 && status < 400) return failed('EndpointRedirected', `${detail}; redirects are not followed`);
  if (status === 401 || status === 403)
    return failed('EndpointUnauthorized', `${detail}; name its token with the annotation token-secret`);
  if (status === 404 || status === 405) return failed('EndpointNotFound', `${detail}; is endpoint-path right?`);
  if (status === 408) return failed('EndpointTimeout', detail);
  if (status === 409) return failed('EndpointBusy', detail);
  if (status === 413 || status === 415 || status === 422) return failed('EndpointRejected', detail);
  if (status === 429 || status >= 500) return failed('EndpointFailed', detail);
  return failed('EndpointRefused', detail);
}

/** The answer's status, and its machine-readable reason; free text of a pod is shown only as a word. */
function explain(status: number, answer: Json): string {
  const reason = /^[A-Za-z]{1,64}$/.exec(asText(answer['reason']))?.[0];
  return `the endpoint answered ${status}${reason ? ` ${reason}` : ''}`;
}

function describe(error: unknown): string {
  const codes: Readonly<Record<string, string>> = {
    ECONNREFUSED: 'nothing listens on the port',
    EHOSTUNREACH: 'there is no way to the pod',
    ECONNRESET: 'the pod cut the connection',
    UND_ERR_SOCKET: 'the pod cut the connection',
    UND_ERR_CONNECT_TIMEOUT: 'the pod did not take the connection in time',
  };
  const code = asText(asObject(error)['code']);
  return codes[code] ?? (code ? `the call failed with ${printable(code, 64)}` : 'the call failed');
}

function failed(reason: AttemptResult['reason'], message: string): AttemptResult {
  return { reason, message, hash: null };
}
