import 'reflect-metadata'; // @peculiar/x509 wants it loaded first
import { generateKeyPairSync, randomBytes, webcrypto } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';

x509.cryptoProvider.set(webcrypto);

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const HOUR_MS = 3_600_000;
/** A test cluster lives for minutes; a day covers one left running, the hour before covers a clock that is set back. */
const LIFETIME_MS = 24 * HOUR_MS;

/** A certificate and its private key, both PEM. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

export interface Subject {
  /** Kubernetes reads it as the user name. */
  readonly commonName: string;
  /** Kubernetes reads them as groups. */
  readonly organizations?: readonly string[];
  /** DNS names and IP addresses of a server. */
  readonly hosts?: readonly string[];
  /** Its time is over already. */
  readonly isExpired?: boolean;
}

/** Signs what a test cluster needs; lives in `ca.crt` and `ca.key` of its folder. */
export class CertificateAuthority {
  readonly pair: KeyPair;
  readonly #certificate: x509.X509Certificate;
  readonly #key: webcrypto.CryptoKey;

  private constructor(pair: KeyPair, key: webcrypto.CryptoKey) {
    this.pair = pair;
    this.#certificate = new x509.X509Certificate(pair.certificate);
    this.#key = key;
  }

  static async create(): Promise<CertificateAuthority> {
    const keys = await newKeys();
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      ...validity(),
      name: 'CN=leindex-reloader-test-ca',
      keys,
      signingAlgorithm: algorithm,
      extensions: [
        new x509.BasicConstraintsExtension(true, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.digitalSignature, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    return new CertificateAuthority(await toKeyPair(certificate, keys), keys.privateKey);
  }

  /** The one that `save` wrote, in this process or another. */
  static async load(folder: string): Promise<CertificateAuthority> {
    const pair = {
      certificate: await readFile(join(folder, 'ca.crt'), 'utf8'),
      key: await readFile(join(folder, 'ca.key'), 'utf8'),
    };
    const [der] = x509.PemConverter.decode(pair.key);
    if (!der) throw new Error(`${folder}/ca.key is no PEM`);
    return new CertificateAuthority(pair, await webcrypto.subtle.importKey('pkcs8', der, algorithm, true, ['sign']));
  }

  async save(folder: string): Promise<void> {
    await saveKeyPair(folder, 'ca', this.pair);
  }

  /** A certificate for clients and, with `hosts`, for a server. */
  async issue(subject: Subject): Promise<KeyPair> {
    const keys = await newKeys();
    const hosts = (subject.hosts ?? []).map(
      (value) => ({ type: isIP(value) ? 'ip' : 'dns', value }) satisfies x509.JsonGeneralName,
    );
    const usages = [x509.ExtendedKeyUsage.clientAuth, ...(hosts.length > 0 ? [x509.ExtendedKeyUsage.serverAuth] : [])];
    const certificate = await x509.X509CertificateGenerator.create({
      ...validity(),
      ...(subject.isExpired ? { notAfter: new Date(Date.now() - HOUR_MS / 2) } : {}),
      subject: [{ CN: [subject.commonName] }, ...(subject.organizations ?? []).map((name) => ({ O: [name] }))],
      issuer: this.#certificate.subject,
      publicKey: keys.publicKey,
      signingKey: this.#key,
      signingAlgorithm: algorithm,
      extensions: [
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension(usages),
        await x509.AuthorityKeyIdentifierExtension.create(this.#certificate),
        ...(hosts.length > 0 ? [new x509.SubjectAlternativeNameExtension(hosts)] : []),
      ],
    });
    return await toKeyPair(certificate, keys);
  }
}

/** Writes `<name>.crt` and `<name>.key` (0600) and returns their paths. */
export async function saveKeyPair(folder: string, name: string, pair: KeyPair): Promise<{ crt: string; key: string }> {
  const paths = { crt: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) };
  await writeFile(paths.crt, pair.certificate);
  await writeFile(paths.key, pair.key, { mode: 0o600 });
  return paths;
}

/** What the API server signs service account tokens with, PEM. */
export function createTokenKeys(): { readonly publicKey: string; readonly privateKey: string } {
  return generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
}

async function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

function validity(): { serialNumber: string; notBefore: Date; notAfter: Date } {
  const now = Date.now();
  // A leading 01 keeps the number positive and its DER minimal.
  const serialNumber = `01${randomBytes(15).toString('hex')}`;
  return { serialNumber, notBefore: new Date(now - HOUR_MS), notAfter: new Date(now + LIFETIME_MS) };
}

async function toKeyPair(certificate: x509.X509Certificate, keys: webcrypto.CryptoKeyPair): Promise<KeyPair> {
  const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return { certificate: certificate.toString('pem') + '\n', key: x509.PemConverter.encode(key, 'PRIVATE KEY') + '\n' };
}
