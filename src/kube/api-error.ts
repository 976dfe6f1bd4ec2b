import { parseRetryAfter } from './retry-after.ts';

/** What a failed call means to its caller; the only thing about a failure that code decides on. */
export type ApiErrorKind =
  | 'NotFound'
  | 'Conflict'
  | 'AlreadyExists'
  | 'Forbidden'
  | 'Unauthorized'
  | 'Gone'
  | 'Throttled'
  | 'Invalid'
  | 'TooLarge'
  | 'Transient'
  | 'Timeout'
  | 'Aborted'
  | 'Fatal';

interface ApiErrorInput {
  readonly kind: ApiErrorKind;
  readonly message: string;
  readonly status?: number | undefined;
  readonly reason?: string | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

/** A failed call to the API server: classified once, its `cause` kept. Not frozen: pino marks what it writes, and throws where it cannot. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly kind: ApiErrorKind;
  /** HTTP status; 0 where no answer came. */
  readonly status: number;
  /** The server's `Status.reason`, else a network error's code, else the kind. */
  readonly reason: string;
  /** How long the server asks to wait, 0–60,000 ms; undefined where it does not say. */
  readonly retryAfterMs: number | undefined;

  constructor(input: ApiErrorInput) {
    super(input.message, { cause: input.cause });
    this.kind = input.kind;
    this.status = input.status ?? 0;
    this.reason = input.reason ?? input.kind;
    this.retryAfterMs = input.retryAfterMs;
  }
}

/** Whether the same call may succeed later without anyone changing anything. */
export function isRetryable(error: ApiError): boolean {
  return error.kind === 'Transient' || error.kind === 'Timeout' || error.kind === 'Throttled';
}

/** True for an ApiError of one of these kinds: `catch (error) { if (isKind(error, 'NotFound')) … }`. */
export function isKind(error: unknown, ...kinds: readonly ApiErrorKind[]): error is ApiError {
  return error instanceof ApiError && kinds.includes(error.kind);
}

/**
 * Any failure as an ApiError: an ApiError as it is, client-node's ApiException, an undici or network error, an abort.
 *
 * @param what the call, for people: `GET /api/v1/pods`
 */
export function toApiError(failure: unknown, what = 'call', now = Date.now()): ApiError {
  if (failure instanceof ApiError) return failure;
  if (isApiException(failure)) {
    return fromResponse({
      status: failure.code,
      headers: failure.headers,
      body: failure.body,
      what,
      now,
      cause: failure,
    });
  }
  const code = networkCode(failure);
  const kind = kindOfNetworkError(failure, code);
  const text = failure instanceof Error ? failure.message || code || failure.name : String(failure);
  return new ApiError({ kind, reason: code, message: `${what}: ${printable(text)}`, cause: failure });
}

/** An answer outside 200–299: its status, its headers, and its body (a `Status` object, its JSON text, or anything). */
export function fromResponse(input: {
  readonly status: number;
  readonly headers?: unknown;
  readonly body?: unknown;
  readonly what?: string;
  readonly now?: number;
  readonly cause?: unknown;
}): ApiError {
  const status = asStatus(input.body);
  const reason = stringOf(status?.reason);
  const text = stringOf(status?.message) ?? (typeof input.body === 'string' ? input.body : undefined);
  const now = input.now ?? Date.now();
  return new ApiError({
    kind: kindOfStatus(input.status, reason),
    status: input.status,
    reason,
    retryAfterMs:
      parseRetryAfter(headerOf(input.headers, 'retry-after'), now) ?? parseRetryAfter(retrySecondsOf(status), now),
    message: `${input.what ?? 'call'}: ${input.status} ${printable(text ?? reason ?? 'no explanation')}`,
    cause: input.cause ?? input.body,
  });
}

/** The object of an in-stream ERROR event. One without a code or a known reason counts as a broken stream: `Transient`. */
export function fromStatus(object: unknown, what = 'watch'): ApiError {
  const status = asStatus(object);
  const code = typeof status?.code === 'number' ? status.code : codeOfReason(stringOf(status?.reason));
  return fromResponse({ status: code, body: object, what });
}

function kindOfStatus(status: number, reason: string | undefined): ApiErrorKind {
  switch (status) {
    case 400:
    case 422:
      return 'Invalid';
    case 401:
      return 'Unauthorized';
    case 403:
      return 'Forbidden';
    case 404:
      return 'NotFound';
    case 409:
      return reason === 'AlreadyExists' ? 'AlreadyExists' : 'Conflict';
    case 410:
      return 'Gone';
    case 413:
      return 'TooLarge';
    case 429:
      return 'Throttled';
    case 408:
    case 504:
      return 'Timeout';
    default:
      return status >= 500 || status === 0 ? 'Transient' : 'Fatal';
  }
}

/** The status the API server sends with a reason, for Status objects that carry the reason alone. */
function codeOfReason(reason: string | undefined): number {
  const codes: Readonly<Record<string, number>> = {
    Expired: 410,
    Gone: 410,
    TooManyRequests: 429,
    Timeout: 504,
    Unauthorized: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    AlreadyExists: 409,
    Invalid: 422,
    BadRequest: 400,
    RequestEntityTooLarge: 413,
    InternalError: 500,
    ServerTimeout: 500,
    ServiceUnavailable: 503,
  };
  return (reason !== undefined && Object.hasOwn(codes, reason) ? codes[reason] : undefined) ?? 0;
}

function kindOfNetworkError(failure: unknown, code: string | undefined): ApiErrorKind {
  const name = failure instanceof Error ? failure.name : '';
  if (name === 'TimeoutError' || /^(?:UND_ERR_(?:CONNECT|HEADERS|BODY)_TIMEOUT|ETIMEDOUT)$/.test(code ?? ''))
    return 'Timeout';
  if (name === 'AbortError' || code === 'UND_ERR_ABORTED' || code === 'ABORT_ERR') return 'Aborted';
  if (code === undefined) return failure instanceof TypeError || !(failure instanceof Error) ? 'Fatal' : 'Transient';
  if (/^(?:UND_ERR_INVALID_ARG|ERR_INVALID_|UND_ERR_NOT_SUPPORTED)/.test(code)) return 'Fatal';
  const isTrustRefused = /^(?:CERT_|ERR_TLS_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|ERR_SSL_)/.test(code);
  return isTrustRefused ? 'Fatal' : 'Transient';
}

/** The first `code` of an error or its causes; undici and fetch wrap the socket's own. */
function networkCode(failure: unknown): string | undefined {
  let at = failure;
  for (let depth = 0; depth < 5 && at instanceof Error; depth++) {
    const code: unknown = (at as NodeJS.ErrnoException).code;
    if (typeof code === 'string') return code;
    at = at instanceof AggregateError ? (at.errors[0] ?? at.cause) : at.cause;
  }
  return undefined;
}

interface StatusLike {
  readonly code?: unknown;
  readonly reason?: unknown;
  readonly message?: unknown;
  readonly details?: unknown;
}

function asStatus(body: unknown): StatusLike | undefined {
  if (typeof body === 'object' && body !== null) return body;
  if (typeof body !== 'string' || !body.startsWith('{')) return undefined;
  try {
    return JSON.parse(body) as StatusLike;
  } catch {
    return undefined; // an answer of a proxy, cut or not JSON: its status says enough
  }
}

function retrySecondsOf(status: StatusLike | undefined): unknown {
  const details = status?.details;
  return typeof details === 'object' && details !== null && 'retryAfterSeconds' in details
    ? details.retryAfterSeconds
    : undefined;
}

/** A header by its lower-case name from a plain object or a `Headers`. */
function headerOf(headers: unknown, name: string): unknown {
  if (typeof headers !== 'object' || headers === null) return undefined;
  if (headers instanceof Headers) return headers.get(name) ?? undefined;
  return Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1];
}

function isApiException(failure: unknown): failure is Error & { code: number; body: unknown; headers: unknown } {
  return failure instanceof Error && 'code' in failure && typeof failure.code === 'number' && 'body' in failure;
}

function stringOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** One line of at most 512 characters without control characters. */
function printable(text: string): string {
  const line = text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g, ' ').trim();
  return line.length > 512 ? `${line.slice(0, 511)}…` : line;
}
