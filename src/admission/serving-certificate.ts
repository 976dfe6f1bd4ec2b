import { generateKeyPair, randomBytes, sign, X509Certificate } from 'node:crypto';
import { isIP, isIPv4 } from 'node:net';
import { promisify } from 'node:util';
import { bitString, encode, oid, sequence, Tag, time } from './der.ts';

/** A certificate that signed itself, and its key. Whoever trusts it trusts this one holder and nobody else: it can sign no other. */
export interface ServingCertificate {
  /** PEM. */
  readonly certificate: string;
  /** PEM, PKCS #8; never leaves the process. */
  readonly key: string;
  readonly hosts: readonly string[];
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** The subject of every certificate that this program makes, and so how it knows them. */
export const SUBJECT = 'leindex-reloader admission webhook';

/** Clocks of API servers may be this much behind, milliseconds. */
const SKEW_MS = 3_600_000;
const newKeyPair = promisify(generateKeyPair);

/**
 * A new key (P-256) and a certificate of it for these hosts.
 *
 * @param hosts DNS names and IP addresses, at least one
 * @param lifeMs from `now`; it counts as valid an hour earlier already
 */
export async function issueCertificate(input: {
  readonly hosts: readonly string[];
  readonly now: Date;
  readonly lifeMs: number;
}): Promise<ServingCertificate> {
  const { hosts, now, lifeMs } = input;
  const { publicKey, privateKey } = await newKeyPair('ec', { namedCurve: 'P-256' });
  const notBefore = wholeSecond(now.getTime() - SKEW_MS);
  const notAfter = wholeSecond(now.getTime() + lifeMs);
  const body = sequence(
    encode(0xa0, encode(Tag.integer, Buffer.from([2]))), // version 3
    // A leading 01 keeps the number positive and its DER minimal.
    encode(Tag.integer, Buffer.from([1]), randomBytes(15)),
    ECDSA_WITH_SHA256,
    NAME,
    sequence(time(notBefore), time(notAfter)),
    NAME,
    publicKey.export({ type: 'spki', format: 'der' }),
    encode(0xa3, sequence(...extensions(hosts))),
  );
  const signed = sequence(body, ECDSA_WITH_SHA256, bitString(sign('sha256', body, privateKey)));
  return {
    // Through the reader of node:crypto: what it cannot read is never used.
    certificate: new X509Certificate(signed).toString(),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    hosts,
    notBefore,
    notAfter,
  };
}

const ECDSA_WITH_SHA256 = sequence(oid('1.2.840.10045.4.3.2'));
const COMMON_NAME = sequence(oid('2.5.4.3'), encode(Tag.utf8String, Buffer.from(SUBJECT)));
const NAME = sequence(encode(Tag.set, COMMON_NAME));

function extensions(hosts: readonly string[]): Buffer[] {
  const digitalSignature = encode(Tag.bitString, Buffer.from([7, 0x80]));
  return [
    extension('2.5.29.19', sequence(), true), // basicConstraints: no authority
    extension('2.5.29.15', digitalSignature, true),
    extension('2.5.29.37', sequence(oid('1.3.6.1.5.5.7.3.1'))), // extKeyUsage: serverAuth
    extension('2.5.29.17', sequence(...hosts.map(generalName))),
  ];
}

function extension(id: string, value: Uint8Array, isCritical = false): Buffer {
  const critical = isCritical ? [encode(Tag.boolean, Buffer.from([0xff]))] : [];
  return sequence(oid(id), ...critical, encode(Tag.octetString, value));
}

function generalName(host: string): Buffer {
  return isIP(host) ? encode(0x87, addressBytes(host)) : encode(0x82, Buffer.from(host));
}

function addressBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  // As a URL has it: lower case, hexadecimal throughout, at most one `::`.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const groups = (text = '') => (text === '' ? [] : text.split(':').map((group) => group.padStart(4, '0')));
  const zeros = Array<string>(8 - groups(head).length - groups(tail).length).fill('0000');
  return Buffer.from([...groups(head), ...zeros, ...groups(tail)].join(''), 'hex');
}

function wholeSecond(ms: number): Date {
  return new Date(Math.floor(ms / 1000) * 1000);
}
