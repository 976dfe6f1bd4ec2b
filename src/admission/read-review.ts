import { asObject, asTextMap, type Json } from '../core/json.ts';
import { readSource, type SourceText, type Verdict } from './judge-source.ts';
import { hasModestShape } from './json-shape.ts';

/** An AdmissionReview v1 before its text is looked at: little, however much was sent. */
export interface Review {
  readonly uid: string;
  readonly subject: Verdict | SourceText;
}

/** A UUID has 36. */
const MOST_UID = 128;
/** Of all names and values together: what an API server takes. */
const MOST_ANNOTATION_BYTES = 262_144;

const PASSED: Verdict = { allowed: true, message: '', warnings: [] };

/**
 * @param body of whatever was sent
 * @returns undefined where it is no AdmissionReview of the API server
 */
export function readReview(body: Uint8Array): Review | undefined {
  const { apiVersion, kind, request } = asObject(parse(body));
  const { uid, object, kind: of, operation } = asObject(request);
  if (apiVersion !== 'admission.k8s.io/v1' || kind !== 'AdmissionReview') return undefined;
  if (typeof uid !== 'string' || uid === '' || uid.length > MOST_UID) return undefined;
  const isConfigMap = asObject(of)['group'] === '' && asObject(of)['kind'] === 'ConfigMap';
  const isWrite = operation === 'CREATE' || operation === 'UPDATE';
  const subject = isConfigMap && isWrite ? readConfigMap(asObject(object)) : PASSED;
  return subject && { uid, subject };
}

function readConfigMap(object: Json): Verdict | SourceText | undefined {
  const { annotations: found, deletionTimestamp } = asObject(object['metadata']);
  if (deletionTimestamp !== undefined) return PASSED;
  const annotations = asTextMap(found);
  const size = Object.entries(annotations).reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  if (size > MOST_ANNOTATION_BYTES) return undefined;
  return readSource({
    annotations,
    data: asTextMap(object['data']),
    binaryData: asTextMap(object['binaryData']),
  });
}

function parse(body: Uint8Array): unknown {
  if (!hasModestShape(body)) return undefined;
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    return undefined;
  }
}
