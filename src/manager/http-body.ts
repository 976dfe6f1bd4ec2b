import type { IncomingMessage } from 'node:http';
import { HttpProblem } from './http-answer.ts';
import { isReloadTrigger, checkRequest, type ReloadRequest } from './reload-request.ts';

/** The body of `POST /v1/reload` and `/v1/validate` as a request; an empty body asks for nothing special. @throws HttpProblem */
export async function readReloadBody(request: IncomingMessage, maxConfigBytes: number): Promise<ReloadRequest> {
  // JSON may need six bytes for one of the text (\u0000), and some for the rest.
  const text = await readText(request, maxConfigBytes * 6 + 4096);
  if (text === '') return {};
  const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/json')
    throw new HttpProblem(415, 'UnsupportedMediaType', 'send the body as application/json');
  return checkShape(parseJson(text));
}

async function readText(request: IncomingMessage, most: number): Promise<string> {
  const tooLarge = () =>
    new HttpProblem(413, 'BodyTooLarge', `the body is larger than ${most} bytes`, { Connection: 'close' });
  if (Number(request.headers['content-length'] ?? 0) > most) throw tooLarge();
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    throw new HttpProblem(415, 'UnsupportedMediaType', 'send the body without a content encoding', {
      Connection: 'close',
    });
  }
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > most) throw tooLarge();
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof HttpProblem) throw error;
    throw new HttpProblem(400, 'MalformedRequest', 'the body ended early', { Connection: 'close' });
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks));
  } catch {
    throw malformed('the body is not UTF-8');
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, which may be secret.
    throw malformed('the body is not JSON');
  }
}

const members: Readonly<Record<string, 'string' | 'boolean'>> = {
  hash: 'string',
  config: 'string',
  trigger: 'string',
  dryRun: 'boolean',
  force: 'boolean',
};

function checkShape(value: unknown): ReloadRequest {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw malformed('the body must be a JSON object');
  for (const [name, member] of Object.entries(value)) {
    const type = Object.hasOwn(members, name) ? members[name] : undefined;
    if (type === undefined) throw malformed(`the body may hold ${Object.keys(members).join(', ')}, and nothing else`);
    if (typeof member !== type) throw malformed(`"${name}" must be a ${type}`);
  }
  const request = value as ReloadRequest;
  if (request.trigger !== undefined && !isReloadTrigger(request.trigger))
    throw malformed('"trigger" is not one of the known triggers');
  try {
    checkRequest(request);
  } catch (error) {
    throw malformed(error instanceof Error ? error.message : 'the request is malformed');
  }
  return request;
}

function malformed(detail: string): HttpProblem {
  return new HttpProblem(400, 'MalformedRequest', detail);
}
