import { expect, test } from 'vitest';
import { contentHash, isContentHash, shortHash } from '../../src/core/content-hash.ts';

const EMPTY = 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

test('is of the bytes: a text counts as its UTF-8', () => {
  expect(contentHash('')).toBe(EMPTY);
  expect(contentHash('é')).toBe(contentHash(Uint8Array.of(0xc3, 0xa9)));
  expect(contentHash('a')).not.toBe(contentHash('a\n'));
});

test('is known by its form', () => {
  expect([EMPTY, EMPTY.toUpperCase(), EMPTY.slice(0, -1), `${EMPTY}\n`, 'sha256:', ''].map(isContentHash)).toEqual([
    true,
    false,
    false,
    false,
    false,
    false,
  ]);
  expect(shortHash(EMPTY)).toBe('e3b0c44298fc');
});
