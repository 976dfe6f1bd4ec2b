import { afterEach, describe, expect, test } from 'vitest';
import { createReviewer, type Reviewer, type ReviewerOptions } from '../../src/admission/reviewer.ts';
import { GOOD_TEXT } from '../fixtures/bad-inputs.ts';

const brokenWorker = new URL('../fixtures/broken-worker.ts', import.meta.url);
const stuckWorker = new URL('../fixtures/stuck-review-worker.ts', import.meta.url);
const open: Reviewer[] = [];
const useReviewer = (options: Partial<ReviewerOptions> = {}) => {
  const reviewer = createReviewer({ maxConfigBytes: 65_536, ...options });
  open.push(reviewer);
  return reviewer;
};
afterEach(async () => {
  for (const reviewer of open.splice(0)) await reviewer.close();
});

/** @param padding beside the text: makes the body large */
const body = (text: string, padding = 0) =>
  Buffer.from(
    JSON.stringify({
      ...{ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview' },
      request: {
        ...{ uid: 'u1', operation: 'UPDATE', kind: { group: '', version: 'v1', kind: 'ConfigMap' } },
        object: {
          metadata: { annotations: { 'reload.leindex.io/enabled': 'true' } },
          data: { 'mcp.yaml': text },
        },
        oldObject: { data: { other: ' '.repeat(padding) } },
      },
    }),
  );
const large = 1_000_000;
const padded = `${GOOD_TEXT}# ${'.'.repeat(20_000)}\n`;

describe('createReviewer', () => {
  test.each([
    ['parsed and validated at once', GOOD_TEXT, 0],
    ['parsed in the thread', GOOD_TEXT, large],
    ['parsed and validated in the thread', padded, large],
  ])('answers the same: %s', async (_name, text, padding) => {
    const { review } = useReviewer();
    const response = { uid: 'u1', allowed: true };
    expect(await review(body(text, padding))).toMatchObject({ kind: 'AdmissionReview', response });
    const wrong = await review(body(`${text}memory: {}\n`, padding));
    expect(wrong).toMatchObject({
      response: { allowed: false, status: { message: expect.stringContaining('duplicate-key') } },
    });
    expect(await review(Buffer.from(`[${' '.repeat(padding)}]`))).toBeUndefined();
  });

  test('parses what is large in the thread only, and what is small without it', async () => {
    const { review } = useReviewer({ workerEntry: brokenWorker });
    await expect(review(body(GOOD_TEXT, large))).rejects.toThrow('broken on purpose');
    expect(await review(body(GOOD_TEXT))).toMatchObject({ response: { allowed: true } });
  });

  test('gives up parsing at its deadline', async () => {
    const { review } = useReviewer({ workerEntry: stuckWorker, deadlineMs: 500 });
    await expect(review(body(GOOD_TEXT, large))).rejects.toThrow('longer than 500 ms');
  });

  test('refuses a text that costs too much, as the gate does', async () => {
    const { review } = useReviewer({ workerEntry: stuckWorker, deadlineMs: 500, inlineBytes: 65_536 });
    const refused = await review(body(padded));
    expect(refused).toMatchObject({
      response: { allowed: false, status: { message: expect.stringContaining('too-costly') } },
    });
  });

  test('closing rejects what is under way', async () => {
    const reviewer = useReviewer({ workerEntry: stuckWorker });
    const under = expect(reviewer.review(body(GOOD_TEXT, large))).rejects.toThrow('closed');
    await reviewer.close();
    await under;
  });
});
