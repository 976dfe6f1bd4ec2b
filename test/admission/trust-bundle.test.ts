import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { issueCertificate } from '../../src/admission/serving-certificate.ts';
import { MOST_CERTIFICATES, mergeTrust } from '../../src/admission/trust-bundle.ts';
import { CertificateAuthority } from '../cluster/certificates.ts';

const HOUR_MS = 3_600_000;
const now = new Date('2026-03-01T00:00:00Z');
const issue = async (at = now, lifeMs = 24 * HOUR_MS) =>
  (await issueCertificate({ hosts: ['a'], now: at, lifeMs })).certificate;
const merge = (present: string, own: readonly string[] = [], retired: readonly string[] = []) =>
  mergeTrust({ present, own, retired, now });

describe('mergeTrust', async () => {
  const [mine, next, theirs] = [await issue(), await issue(), await issue()];
  const expired = await issue(new Date(now.getTime() - 48 * HOUR_MS));
  const foreign = (await CertificateAuthority.create()).pair.certificate;
  const broken = mine.replace(/\n[A-Za-z0-9+/]{20}/, '\nAAAAAAAAAAAAAAAAAAAA');

  test('begins an empty bundle, and adds to one of another replica', () => {
    expect(merge('', [mine])).toEqual({ bundle: mine, isChanged: true, dropped: [] });
    expect(merge(theirs, [mine])).toEqual({ bundle: theirs + mine, isChanged: true, dropped: [] });
  });

  test('writes nothing where all is there, in whatever order and with whatever line ends', () => {
    const windows = (mine + theirs).replaceAll('\n', '\r\n').trim();
    expect(merge(windows, [mine])).toEqual({ bundle: windows, isChanged: false, dropped: [] });
  });

  test('keeps both certificates of a rotation, and takes out the one that was retired', () => {
    expect(merge(mine + theirs, [mine, next]).bundle).toBe(mine + theirs + next);
    expect(merge(mine + theirs + next, [next], [mine])).toEqual({
      bundle: theirs + next,
      isChanged: true,
      dropped: [],
    });
  });

  test.each([
    ['expired', expired],
    ['foreign', foreign],
    ['corrupt', broken],
    ['corrupt', 'nonsense\n'],
    ['corrupt', '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n'],
  ] as const)('takes out and names what is %s', (reason, text) => {
    expect(merge(theirs + text, [mine])).toEqual({ bundle: theirs + mine, isChanged: true, dropped: [reason] });
    expect(merge(text, [mine])).toEqual({ bundle: mine, isChanged: true, dropped: [reason] });
  });

  test('never drops its own for its age, and says each certificate once', () => {
    expect(merge(expired + expired + mine, [expired]).bundle).toBe(expired + mine);
  });

  describe('of too many', () => {
    const old: string[] = [];
    beforeAll(async () => {
      for (let age = 0; age < MOST_CERTIFICATES + 3; age++) old.push(await issue(new Date(now.getTime() - age * 1000)));
    });

    test('keeps its own and the newest', () => {
      const { bundle, dropped } = merge(old.toReversed().join(''), [mine]);
      const kept = [...old.slice(0, MOST_CERTIFICATES - 1).toReversed(), mine];
      expect(bundle).toBe(kept.join(''));
      expect(dropped).toEqual(Array(4).fill('excess'));
    });
  });

  test('replicas that merge in turn come to rest on the certificates of all, from any content', () => {
    const replicas = [[mine], [theirs, next]];
    const anything = fc.array(
      fc.constantFrom(mine, theirs, next, expired, foreign, broken, '\n', 'text', '-----BEGIN'),
    );
    fc.assert(
      fc.property(anything, fc.array(fc.nat(1), { minLength: 1, maxLength: 8 }), (texts, turns) => {
        let bundle = texts.join('');
        for (const turn of [...turns, 0, 1]) bundle = merge(bundle, replicas[turn]).bundle;
        for (const own of replicas) {
          expect(merge(bundle, own).isChanged).toBe(false);
          for (const pem of own) expect(bundle).toContain(pem);
        }
        for (const bad of [expired, foreign, broken]) expect(bundle).not.toContain(bad);
      }),
    );
  });
});
