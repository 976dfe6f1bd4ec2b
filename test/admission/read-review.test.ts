import { describe, expect, test } from 'vitest';
import { hasModestShape } from '../../src/admission/json-shape.ts';
import { readReview } from '../../src/admission/read-review.ts';

const bytes = (text: string) => Buffer.from(text);
const review = (object: unknown) =>
  bytes(
    JSON.stringify({
      ...{ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview' },
      request: { uid: 'u1', operation: 'CREATE', kind: { group: '', version: 'v1', kind: 'ConfigMap' }, object },
    }),
  );
const annotations = { 'reload.leindex.io/enabled': 'true' };

describe('readReview', () => {
  test('gives the text of an opted-in ConfigMap alone, and the verdict of all others', () => {
    const data = { 'a.yaml': 'a: <ü>', other: 'x' };
    expect(readReview(review({ metadata: { annotations }, data }))).toEqual({
      uid: 'u1',
      subject: { key: 'a.yaml', content: Buffer.from(data['a.yaml']), warnings: [] },
    });
    expect(readReview(review({ data }))).toMatchObject({ subject: { allowed: true } });
  });

  test('gives little of much: a few warnings, and the first of many keys', () => {
    const many = Object.fromEntries(Array.from({ length: 5000 }, (_, at) => [`reload.leindex.io/x${at}`, '']));
    const data = Object.fromEntries(Array.from({ length: 15_000 }, (_, at) => [`key-${at}`, '']));
    const { subject } = readReview(review({ metadata: { annotations: { ...annotations, ...many } }, data }))!;
    expect(subject.warnings).toHaveLength(10);
    expect(Buffer.byteLength(JSON.stringify(subject))).toBeLessThan(4096);
  });

  test('knows that an object with more annotations than an API server takes is none of its own', () => {
    const big = { ...annotations, other: 'x'.repeat(262_144) };
    expect(readReview(review({ metadata: { annotations: big } }))).toBeUndefined();
  });

  test('does not parse what would take much memory', () => {
    const many = `${'{},'.repeat(300_000)}{}`;
    const text = review({ metadata: { annotations }, data: { 'a.yaml': 'a' } }).toString();
    expect(readReview(bytes(text.replace('"uid"', '"more":[],"uid"')))).toBeDefined();
    expect(readReview(bytes(text.replace('"uid"', `"more":[${many}],"uid"`)))).toBeUndefined();
    expect(readReview(bytes('['.repeat(4_000_000)))).toBeUndefined();
  });
});

describe('hasModestShape', () => {
  test.each([
    ['64 levels', `${'['.repeat(64)}${']'.repeat(64)}`, true],
    ['65 levels', '['.repeat(65), false],
    ['many levels, one after the other', '[{}]'.repeat(1000), true],
    ['brackets and commas in a string', `"${'[{,'.repeat(300_000)}"`, true],
    ['brackets behind an escaped quote', `"\\"${'['.repeat(65)}"`, true],
    ['brackets behind a string that ends in an escaped backslash', `"\\\\"${'['.repeat(65)}`, false],
    ['a string that never ends', `"${'['.repeat(65)}`, true],
    ['100,001 values', `[${'1,'.repeat(100_000)}1]`, false],
    ['nothing', '', true],
  ])('%s', (_name, text, isModest) => {
    expect(hasModestShape(bytes(text))).toBe(isModest);
  });
});
