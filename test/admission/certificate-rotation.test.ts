import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nextStep, type Rotation, type RotationStep } from '../../src/admission/certificate-rotation.ts';
import type { ServingCertificate } from '../../src/admission/serving-certificate.ts';

const DAY_MS = 86_400_000;
const timing = { lifeMs: 30 * DAY_MS, settleMs: 60_000 };
const start = new Date('2026-01-01T00:00:00Z').getTime();
/** Made on that day, counted from the start. */
const made = (day: number, hosts = ['a.svc']): ServingCertificate => ({
  ...{ certificate: `certificate of day ${day}`, key: 'key', hosts },
  notBefore: new Date(start + day * DAY_MS - 3_600_000),
  notAfter: new Date(start + (day + 30) * DAY_MS),
});
const held = (given: Partial<Rotation>): Rotation => ({
  ...{ serving: undefined, next: undefined, nextTrustedForMs: undefined },
  ...given,
});
const on = (day: number, rotation: Partial<Rotation>, hosts = ['a.svc']): RotationStep =>
  nextStep(held(rotation), { hosts, now: new Date(start + day * DAY_MS) }, timing);

describe('nextStep', () => {
  const cases: Readonly<Record<string, readonly [RotationStep, RotationStep]>> = {
    'nothing is there': [on(0, {}), 'issue'],
    'the first one is not trusted yet': [on(0, { next: made(0) }), 'wait'],
    'the first one is trusted: nobody is served by waiting': [on(0, { next: made(0), nextTrustedForMs: 0 }), 'serve'],
    'one that is young': [on(19.9, { serving: made(0) }), 'wait'],
    'one of two thirds of its life': [on(20, { serving: made(0) }), 'issue'],
    'one that ran out while the process slept': [on(31, { serving: made(0) }), 'issue'],
    'its successor is not published': [on(20, { serving: made(0), next: made(20) }), 'wait'],
    'its successor may not be trusted everywhere': [
      on(20, { serving: made(0), next: made(20), nextTrustedForMs: 59_999 }),
      'wait',
    ],
    'its successor is trusted': [on(20, { serving: made(0), next: made(20), nextTrustedForMs: 60_000 }), 'serve'],
    'it ran out, and its successor was just published': [
      on(31, { serving: made(0), next: made(31), nextTrustedForMs: 0 }),
      'serve',
    ],
    'its successor ran out before it was served': [on(31, { serving: made(25), next: made(0) }), 'issue'],
    'made by a clock that was ahead': [on(0, { serving: made(5) }), 'issue'],
    'a successor made by a clock that was ahead': [on(20, { serving: made(0), next: made(300) }), 'issue'],
    'the configuration names another host': [on(1, { serving: made(0) }, ['b.svc']), 'issue'],
    'a successor for another host': [on(1, { serving: made(0), next: made(1) }, ['b.svc']), 'issue'],
    'a successor for the new host is trusted': [
      on(1, { serving: made(0), next: made(1, ['b.svc']), nextTrustedForMs: 0 }, ['b.svc']),
      'serve',
    ],
  };
  test.each(Object.entries(cases))('%s', (_name, [step, expected]) => {
    expect(step).toBe(expected);
  });

  test('whatever the clock does, and however long publishing fails: what is served is trusted, and is valid once it can be', () => {
    const hours = fc.array(fc.integer({ min: -24 * 50, max: 24 * 20 }), { maxLength: 60 });
    fc.assert(
      fc.property(hours, fc.array(fc.boolean(), { minLength: 1 }), (jumps, published) => {
        let day = 0;
        let rotation = held({});
        let trusted = new Set<ServingCertificate>();
        for (const [turn, jump] of jumps.entries()) {
          day += jump / 24;
          const canPublish = published[turn % published.length] === true;
          for (let steps = 0; steps < 8; steps++) {
            const step = on(day, rotation);
            if (step === 'issue') rotation = { ...rotation, next: made(day), nextTrustedForMs: undefined };
            if (step === 'serve') rotation = held({ serving: rotation.next });
            const own = [rotation.serving, rotation.next].filter((one) => one !== undefined);
            if (canPublish) {
              trusted = new Set(own);
              if (rotation.next)
                rotation = { ...rotation, nextTrustedForMs: rotation.nextTrustedForMs === undefined ? 0 : 60_000 };
            }
            if (rotation.serving) expect(trusted).toContain(rotation.serving);
          }
          if (canPublish) {
            const now = new Date(start + day * DAY_MS);
            expect(on(day, rotation)).toBe('wait');
            expect(rotation.serving!.notBefore <= now && now < rotation.serving!.notAfter).toBe(true);
          }
        }
      }),
    );
  });
});
