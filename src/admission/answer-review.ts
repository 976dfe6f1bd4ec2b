import { fitBytes, printable } from '../core/printable.ts';
import type { Validate } from '../core/validation.ts';
import { judgeText, type Verdict } from './judge-source.ts';
import type { Review } from './read-review.ts';

/** Longer than that, kubectl shows a message, or a warning, badly. */
const MOST_MESSAGE_BYTES = 4_096;
const MOST_WARNING_BYTES = 256;

/**
 * The AdmissionReview to answer with. A problem of ours allows the write, with a warning: the controller looks at the text
 * anyway, and this webhook is no reason for an outage.
 */
export async function answerReview({ uid, subject }: Review, validate: Validate): Promise<object> {
  const verdict = 'allowed' in subject ? subject : await judgeText(subject, validate).catch(() => UNKNOWN);
  return { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: { uid, ...toResponse(verdict) } };
}

const UNKNOWN: Verdict = {
  allowed: true,
  message: '',
  warnings: ['leindex-reloader could not check this ConfigMap; the controller will'],
};

function toResponse({ allowed, message, warnings }: Verdict): object {
  const shown = warnings.map((one) => fitBytes(printable(one, MOST_WARNING_BYTES), MOST_WARNING_BYTES));
  return {
    allowed,
    ...(shown.length > 0 ? { warnings: shown } : {}),
    ...(allowed
      ? {}
      : { status: { code: 422, reason: 'Invalid', message: fitBytes(printable(message, 8_192), MOST_MESSAGE_BYTES) } }),
  };
}
