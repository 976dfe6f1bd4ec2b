import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import {
  ApiError,
  type ApiErrorKind,
  fromResponse,
  fromStatus,
  isKind,
  isRetryable,
  toApiError,
} from '../../src/kube/api-error.ts';
import { parseRetryAfter } from '../../src/kube/retry-after.ts';

const noon = Date.parse('2026-01-01T12:00:00Z');

describe('an HTTP answer', () => {
  const table: readonly [string, number, string | undefined, ApiErrorKind][] = [
    ['a body that does not validate', 422, 'Invalid', 'Invalid'],
    ['a request that cannot be read', 400, 'BadRequest', 'Invalid'],
    ['no or a stale token', 401, 'Unauthorized', 'Unauthorized'],
    ['a missing right', 403, 'Forbidden', 'Forbidden'],
    ['a missing object', 404, 'NotFound', 'NotFound'],
    ['a lost race', 409, 'Conflict', 'Conflict'],
    ['a name that is taken', 409, 'AlreadyExists', 'AlreadyExists'],
    ['a resource version that was compacted', 410, 'Expired', 'Gone'],
    ['an object over the size limit', 413, 'RequestEntityTooLarge', 'TooLarge'],
    ['priority and fairness', 429, 'TooManyRequests', 'Throttled'],
    ['a request timeout', 408, undefined, 'Timeout'],
    ['a gateway timeout', 504, 'Timeout', 'Timeout'],
    ['an internal error', 500, 'InternalError', 'Transient'],
    ['an unavailable server', 503, 'ServiceUnavailable', 'Transient'],
    ['a wrong method', 405, 'MethodNotAllowed', 'Fatal'],
    ['a content type nobody reads', 415, 'UnsupportedMediaType', 'Fatal'],
    ['a redirect, which is never followed', 307, undefined, 'Fatal'],
  ];
  test.each(table)('%s (%i) is classified', (_, status, reason, kind) => {
    const error = fromResponse({ status, body: { kind: 'Status', reason, message: 'says why' } });
    expect(error).toMatchObject({ kind, status, reason: reason ?? kind });
    expect(error.message).toContain('says why');
  });

  test('from a proxy, with HTML instead of a Status, keeps its status', () => {
    expect(fromResponse({ status: 502, body: '<html>\u001b[31mbad\r\ngateway</html>', what: 'GET /x' })).toMatchObject({
      kind: 'Transient',
      message: 'GET /x: 502 <html> [31mbad gateway</html>',
    });
  });

  test('as JSON text is read like an object; truncated JSON does not throw', () => {
    expect(fromResponse({ status: 409, body: '{"reason":"AlreadyExists"}' }).kind).toBe('AlreadyExists');
    expect(fromResponse({ status: 409, body: '{"reason":"Already' }).kind).toBe('Conflict');
  });
});

describe('Retry-After', () => {
  test.each([
    ['whole seconds', '7', 7_000],
    ['zero', '0', 0],
    ['an HTTP date ahead', 'Thu, 01 Jan 2026 12:00:07 GMT', 7_000],
    ['an HTTP date behind', 'Thu, 01 Jan 2026 11:00:00 GMT', 0],
    ['absurd', '1e9', 60_000],
    ['absurd digits', '999999999999999999999', 60_000],
    ['negative', '-5', 0],
    ['a number', 3, 3_000],
    ['a repeated header', ['4', '9'], 4_000],
    ['missing', undefined, undefined],
    ['empty', '', undefined],
    ['not a value', 'soon', undefined],
  ])('%s', (_, value, ms) => expect(parseRetryAfter(value, noon)).toBe(ms));

  test('comes from the header, whatever its case, else from Status.details', () => {
    expect(fromResponse({ status: 429, headers: { 'Retry-After': '7' } }).retryAfterMs).toBe(7_000);
    expect(fromResponse({ status: 429, headers: new Headers({ 'retry-after': '2' }) }).retryAfterMs).toBe(2_000);
    expect(fromResponse({ status: 500, body: { details: { retryAfterSeconds: 1 } } }).retryAfterMs).toBe(1_000);
    expect(fromResponse({ status: 429 }).retryAfterMs).toBeUndefined();
  });
});

describe('an in-stream ERROR', () => {
  test.each<[string, unknown, ApiErrorKind]>([
    ['410', { code: 410, reason: 'Expired' }, 'Gone'],
    ['expired, without a code', { reason: 'Expired' }, 'Gone'],
    ['too many requests, without a code', { reason: 'TooManyRequests' }, 'Throttled'],
    ['without a code or a reason', { message: 'hm' }, 'Transient'],
    ['with an inherited word as its reason', { reason: 'toString' }, 'Transient'],
    ['that is no object', 'x', 'Transient'],
    ['null', null, 'Transient'],
  ])('%s', (_, object, kind) => expect(fromStatus(object).kind).toBe(kind));
});

describe('a failure without an answer', () => {
  const coded = (code: string) => Object.assign(new Error('low'), { code });
  test.each<[string, unknown, ApiErrorKind, string]>([
    ['refused', coded('ECONNREFUSED'), 'Transient', 'ECONNREFUSED'],
    [
      'reset, wrapped by fetch',
      new TypeError('fetch failed', { cause: coded('ECONNRESET') }),
      'Transient',
      'ECONNRESET',
    ],
    ['every address refused', new AggregateError([coded('ECONNREFUSED')], ''), 'Transient', 'ECONNREFUSED'],
    ['no name', coded('ENOTFOUND'), 'Transient', 'ENOTFOUND'],
    ['connect timeout', coded('UND_ERR_CONNECT_TIMEOUT'), 'Timeout', 'UND_ERR_CONNECT_TIMEOUT'],
    ['headers timeout', coded('UND_ERR_HEADERS_TIMEOUT'), 'Timeout', 'UND_ERR_HEADERS_TIMEOUT'],
    ['deadline', new DOMException('late', 'TimeoutError'), 'Timeout', 'Timeout'],
    ['abort', new DOMException('stop', 'AbortError'), 'Aborted', 'Aborted'],
    ['untrusted certificate', coded('DEPTH_ZERO_SELF_SIGNED_CERT'), 'Fatal', 'DEPTH_ZERO_SELF_SIGNED_CERT'],
    ['a bug of ours', new TypeError('x is not a function'), 'Fatal', 'Fatal'],
    ['thrown text', 'boom', 'Fatal', 'Fatal'],
  ])('%s', (_, failure, kind, reason) => {
    const error = toApiError(failure, 'GET /x');
    expect(error).toMatchObject({ kind, reason, status: 0 });
    expect(error.cause).toBe(failure);
  });

  test('client-node’s ApiException is read by its code, body and headers', () => {
    const exception = Object.assign(new Error('HTTP-Code: 429'), {
      code: 429,
      body: '{"reason":"TooManyRequests"}',
      headers: { 'retry-after': '7' },
    });
    expect(toApiError(exception)).toMatchObject({ kind: 'Throttled', status: 429, retryAfterMs: 7_000 });
  });
});

test('an ApiError comes back as it is, and is asked for by kind', () => {
  const error = fromResponse({ status: 503 });
  expect(error).toBeInstanceOf(ApiError);
  expect(toApiError(error)).toBe(error);
  expect(isKind(error, 'Gone', 'Transient')).toBe(true);
  expect(isKind(error, 'Gone')).toBe(false);
  expect(isRetryable(error)).toBe(true);
  expect(isRetryable(fromResponse({ status: 403 }))).toBe(false);
});

test('it can be logged, with its reason and without the body that caused it', () => {
  const lines: string[] = [];
  const err = fromResponse({ status: 403, body: { reason: 'Forbidden', message: 'may not', secret: 'value' } });
  pino({}, { write: (line: string) => lines.push(line) }).error({ err }, 'failed');
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ msg: 'failed', err: { kind: 'Forbidden', status: 403 } });
  expect(lines[0]).not.toContain('value');
});
