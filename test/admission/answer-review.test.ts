import { describe, expect, test } from 'vitest';
import { answerReview } from '../../src/admission/answer-review.ts';
import { readReview } from '../../src/admission/read-review.ts';
import { validateConfig } from '../../src/core/validate-config.ts';
import type { Validate } from '../../src/core/validation.ts';

const validate: Validate = (content) => Promise.resolve(validateConfig(content));
const KIND = { group: '', version: 'v1', kind: 'ConfigMap' };
const opted = { metadata: { annotations: { 'reload.leindex.io/enabled': 'true' } } };
const review = (request: object) => ({
  ...{ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview' },
  request: { uid: 'u1', kind: KIND, operation: 'UPDATE', ...request },
});
const read = (body: unknown) => readReview(Buffer.from(JSON.stringify(body)));
const answer = async (request: object, by = validate) =>
  ((await answerReview(read(review(request))!, by)) as { response: Record<string, unknown> }).response;

describe('answerReview', () => {
  test.each([
    null,
    'text',
    [],
    {},
    { apiVersion: 'admission.k8s.io/v1beta1', kind: 'AdmissionReview' },
    review({ uid: '' }),
    review({ uid: 'u'.repeat(129) }),
  ])('knows what is no review: %j', (body) => {
    expect(read(body)).toBeUndefined();
  });

  test('refuses an opted-in ConfigMap without data, and one whose text is wrong', async () => {
    expect(await answer({ object: opted })).toMatchObject({ uid: 'u1', allowed: false, status: { code: 422 } });
    const wrong = await answer({ object: { ...opted, data: { 'a.yaml': 'a: \u0007' } } });
    expect(wrong).toMatchObject({ allowed: false });
    expect(JSON.stringify(wrong)).not.toContain('\\u0007"');
  });

  test('allows another kind, another operation, and what is being deleted', async () => {
    expect(await answer({ object: opted, kind: { ...KIND, kind: 'Secret' } })).toEqual({ uid: 'u1', allowed: true });
    expect(await answer({ object: opted, operation: 'DELETE' })).toEqual({ uid: 'u1', allowed: true });
    const leaving = { metadata: { ...opted.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
    expect(await answer({ object: leaving })).toEqual({ uid: 'u1', allowed: true });
  });

  test('allows with a warning where the check itself fails', async () => {
    const broken: Validate = () => Promise.reject(new Error('no thread'));
    const said = await answer({ object: { ...opted, data: { a: 'b' } } }, broken);
    expect(said).toMatchObject({ allowed: true, warnings: [expect.stringContaining('could not check')] });
  });
});
