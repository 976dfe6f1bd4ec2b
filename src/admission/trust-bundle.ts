import { X509Certificate } from 'node:crypto';
import { SUBJECT } from './serving-certificate.ts';

/** Why a certificate was taken out of the bundle. */
export type Dropped = 'corrupt' | 'foreign' | 'expired' | 'excess';

/** More replicas than this, each in mid-rotation, nobody runs; what crashed ones left behind must not grow without end. */
export const MOST_CERTIFICATES = 64;

export interface TrustMerge {
  /** PEM, one certificate after the other. */
  readonly bundle: string;
  /** Whether anything must be written. */
  readonly isChanged: boolean;
  readonly dropped: readonly Dropped[];
}

/**
 * What API servers are to trust: the certificates of this process and those of its replicas that are in the bundle already.
 * Two replicas that merge in turn, in any order and from any content, come to rest on the same set.
 *
 * @param present PEM, or whatever somebody wrote there
 * @param own PEM of what this process serves or is about to serve
 * @param retired PEM of what it served before
 */
export function mergeTrust(input: {
  readonly present: string;
  readonly own: readonly string[];
  readonly retired: readonly string[];
  readonly now: Date;
}): TrustMerge {
  const { present, own, retired, now } = input;
  const { blocks, isClean } = splitPem(present);
  const read = blocks.map((pem) => ({ pem, ...judge(pem, now) }));
  const dropped: Dropped[] = isClean ? [] : ['corrupt'];
  const kept = new Map<string, number>();
  for (const { pem, fault, notBefore } of read) {
    if (own.includes(pem)) kept.set(pem, Infinity);
    else if (fault) dropped.push(fault);
    else if (!retired.includes(pem)) kept.set(pem, notBefore);
  }
  for (const pem of own) kept.set(pem, Infinity);
  const newest = [...kept].toSorted(([, a], [, b]) => (a === b ? 0 : b - a)).slice(0, MOST_CERTIFICATES);
  for (let excess = kept.size; excess > newest.length; excess--) dropped.push('excess');
  const names = new Set(newest.map(([pem]) => pem));
  const next = [...kept.keys()].filter((pem) => names.has(pem));
  const isSame = isClean && next.length === blocks.length && next.every((pem, index) => pem === blocks[index]);
  return { bundle: isSame ? present : next.join(''), isChanged: !isSame, dropped };
}

const BLOCK = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]*-----END CERTIFICATE-----/g;

/** The certificates of a text, one form for each, and whether there was nothing else in it. */
function splitPem(text: string): { blocks: string[]; isClean: boolean } {
  const blocks = (text.match(BLOCK) ?? []).map((block) => `${block.replaceAll('\r', '')}\n`);
  return { blocks, isClean: text.replaceAll(BLOCK, '').trim() === '' };
}

function judge(pem: string, now: Date): { fault?: Dropped; notBefore: number } {
  try {
    const { subject, issuer, ca, validToDate, validFromDate } = new X509Certificate(pem);
    const isOurs = subject === `CN=${SUBJECT}` && issuer === subject && !ca;
    const notBefore = validFromDate.getTime();
    if (!isOurs) return { fault: 'foreign', notBefore };
    return validToDate <= now ? { fault: 'expired', notBefore } : { notBefore };
  } catch {
    return { fault: 'corrupt', notBefore: 0 };
  }
}
