import type { IncomingMessage } from 'node:http';
import { toRecord } from '../core/reload-event.ts';
import type { ConfigReloadManager } from './config-reload-manager.ts';
import { ReloadManagerNotRunningError } from './manager-state.ts';
import { HttpProblem, problem, type HttpAnswer } from './http-answer.ts';
import { readReloadBody } from './http-body.ts';
import type { ReloadOutcome, ReloadRequest } from './reload-request.ts';

export interface RouteContext {
  readonly manager: ConfigReloadManager;
  readonly maxConfigBytes: number;
  readonly request: IncomingMessage;
  readonly query: URLSearchParams;
  /** Aborts when the client goes away. */
  readonly signal: AbortSignal;
  readonly isStopping: boolean;
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
}

type Route = (context: RouteContext) => HttpAnswer | Promise<HttpAnswer>;

/** Path → method → route. HEAD is answered as GET without the body. */
export const routes: Readonly<Record<string, Readonly<Partial<Record<'GET' | 'POST' | 'DELETE', Route>>>>> = {
  '/healthz': { GET: () => ({ status: 200, body: { status: 'ok' } }) },
  '/readyz': { GET: answerReady },
  '/metrics': { GET: answerMetrics },
  '/v1/reload': { POST: (context) => reload(context) },
  '/v1/validate': { POST: (context) => reload(context, { dryRun: true }) },
  '/v1/config': { GET: answerConfig },
  '/v1/stats': { GET: ({ manager }) => ({ status: 200, body: manager.getStats() }) },
  '/v1/history': {
    GET: answerHistory,
    DELETE: ({ manager }) => ({ status: 200, body: { cleared: manager.clearHistory() } }),
  },
};

/** Answered without a token: a probe carries none. */
export const openPaths: ReadonlySet<string> = new Set(['/healthz', '/readyz']);

async function reload(context: RouteContext, extra: ReloadRequest = {}): Promise<HttpAnswer> {
  const { manager, maxConfigBytes, request, signal } = context;
  const body = await readReloadBody(request, maxConfigBytes);
  try {
    return toAnswer(await manager.reloadConfig({ trigger: 'endpoint', ...body, ...extra, signal }));
  } catch (error) {
    if (error instanceof ReloadManagerNotRunningError) throw new HttpProblem(503, 'Stopping', error.message);
    throw error;
  }
}

/** The answer that says how a reload ended. */
export function toAnswer(outcome: ReloadOutcome): HttpAnswer {
  const { result, reason, hash, unchanged, violations, warnings } = outcome;
  const event = toRecord(outcome.event);
  if (result === 'success') {
    return { status: 200, body: { result, reason, hash, ...(unchanged ? { unchanged } : {}), warnings, event } };
  }
  const more = { hash, ...(result === 'validation_failed' ? { violations, warnings } : {}), event };
  return problem({ status: statusOf(outcome), reason, result, detail: outcome.event.errorMessage ?? reason, more });
}

function statusOf({ result, reason }: ReloadOutcome): number {
  if (reason === 'PropagationTimeout') return 408;
  if (reason === 'HashMismatch') return 400;
  if (reason === 'ConfigTooLarge') return 413;
  if (reason === 'Aborted') return 503;
  switch (result) {
    case 'success':
      return 200;
    case 'validation_failed':
      return 422;
    case 'file_not_found':
      return 404;
    case 'already_in_progress':
      return 409;
    case 'io_error':
      return 500;
  }
}

function answerConfig({ manager }: RouteContext): HttpAnswer {
  const running = manager.getRunning();
  if (!running) throw new HttpProblem(404, 'NotLoaded', 'no valid configuration has been loaded yet');
  const { hash, config, origin, since } = running;
  return { status: 200, body: { hash, config, origin, since } };
}

function answerHistory({ manager, query }: RouteContext): HttpAnswer {
  const word = query.get('limit') ?? '100';
  const limit = Number(word);
  if (!/^\d{1,3}$/.test(word) || limit < 1 || limit > 100) {
    throw new HttpProblem(400, 'MalformedRequest', 'limit must be a whole number from 1 to 100');
  }
  return { status: 200, body: { events: manager.getEventHistory(limit).map(toRecord) } };
}

function answerReady({ manager, isStopping }: RouteContext): HttpAnswer {
  if (isStopping || manager.getState() !== 'running')
    throw new HttpProblem(503, 'Stopping', `the manager is ${manager.getState()}`);
  const running = manager.getRunning();
  if (!running) {
    const detail = 'no valid configuration has been loaded yet';
    return problem({ status: 503, reason: 'NotLoaded', result: 'file_not_found', detail });
  }
  return { status: 200, body: { status: 'ready', hash: running.hash } };
}

async function answerMetrics({ metrics }: RouteContext): Promise<HttpAnswer> {
  const { contentType, text } = await metrics();
  return { status: 200, body: text, contentType };
}
