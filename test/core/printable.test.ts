import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fitBytes, printable } from '../../src/core/printable.ts';

it('lets no control, bidi or zero-width character through', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(printable(text, 1000)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    }),
  );
});

it('fits any text into any number of bytes, whole characters only', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 3, max: 64 }), (text, limit) => {
      const fitted = fitBytes(text, limit);
      expect(Buffer.byteLength(fitted)).toBeLessThanOrEqual(limit);
      expect(fitted.isWellFormed()).toBe(true);
      if (Buffer.byteLength(text) <= limit) expect(fitted).toBe(text);
    }),
  );
});
