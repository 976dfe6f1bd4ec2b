import { fitBytes, printable } from '../core/printable.ts';
import type { Validate } from '../core/validation.ts';
import { judgeSource, type Verdict } from './judge-source.ts';

type Json = Readonly<Record<string, unknown>>;

/** Longer than that, kubectl shows a message, or a warning, badly. */
const MOST_MESSAGE_BYTES = 4_096;
const MOST_WARNING_BYTES = 256;

/**
 * Answers an AdmissionReview v1 of the API server. A problem of ours allows the write, with a warning: the controller looks at
 * the text anyway, and this webhook is no reason for an outage.
 *
 * @param review parsed JSON, of whatever shape
 * @returns the AdmissionReview to answer with; undefined where `review` is none, or has no uid
 */
export async function answerReview(review: unknown, validate: Validate): Promise<object | undefined> {
  const { apiVersion, kind, request } = asObject(review);
  const { uid, object, kind: of, operation } = asObject(request);
  if (apiVersion !== 'admission.k8s.io/v1' || kind !== 'AdmissionReview' || typeof uid !== 'string' || uid === '') {
    return undefined;
  }
  const isConfigMap = asObject(of)['group'] === '' && asObject(of)['kind'] === 'ConfigMap';
  const isWrite = operation === 'CREATE' || operation === 'UPDATE';
  const verdict = isConfigMap && isWrite ? await judge(asObject(object), validate) : undefined;
  return { apiVersion, kind, response: { uid, ...toResponse(verdict) } };
}

async function judge(object: Json, validate: Validate): Promise<Verdict> {
  const { annotations, deletionTimestamp } = asObject(object['metadata']);
  if (deletionTimestamp !== undefined) return { allowed: true, message: '', warnings: [] };
  try {
    const source = {
      annotations: asTexts(annotations),
      data: asTexts(object['data']),
      binaryData: asTexts(object['binaryData']),
    };
    return await judgeSource(source, validate);
  } catch {
    const warning = 'leindex-reloader could not check this ConfigMap; the controller will';
    return { allowed: true, message: '', warnings: [warning] };
  }
}

function toResponse(verdict: Verdict | undefined): object {
  if (!verdict) return { allowed: true };
  const { allowed, message, warnings } = verdict;
  const shown = warnings.map((one) => fitBytes(printable(one, MOST_WARNING_BYTES), MOST_WARNING_BYTES));
  return {
    allowed,
    ...(shown.length > 0 ? { warnings: shown } : {}),
    ...(allowed
      ? {}
      : { status: { code: 422, reason: 'Invalid', message: fitBytes(printable(message, 8_192), MOST_MESSAGE_BYTES) } }),
  };
}

function asObject(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

function asTexts(value: unknown): Record<string, string> {
  return Object.fromEntries(
    Object.entries(asObject(value)).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}
