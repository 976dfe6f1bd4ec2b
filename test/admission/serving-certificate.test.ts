import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:tls';
import 'reflect-metadata'; // @peculiar/x509 wants it loaded first
import * as x509 from '@peculiar/x509';
import { describe, expect, test } from 'vitest';
import { issueCertificate, SUBJECT } from '../../src/admission/serving-certificate.ts';

const DAY_MS = 86_400_000;
const now = new Date('2026-01-01T12:00:00.500Z');
const issue = (hosts: readonly string[] = ['web.home.svc'], at = now) =>
  issueCertificate({ hosts, now: at, lifeMs: 30 * DAY_MS });

describe('issueCertificate', () => {
  test('is what another reader reads: a server certificate for the hosts, no authority, signed by its own key', async () => {
    const made = await issue(['web.home.svc', '127.0.0.1', '2001:db8::1:0:5']);
    const read = new x509.X509Certificate(made.certificate);
    expect(read.subject).toBe(`CN=${SUBJECT}`);
    expect(read.issuer).toBe(read.subject);
    expect(await read.verify({ publicKey: read.publicKey, signatureOnly: true })).toBe(true);
    expect([read.notBefore.toISOString(), read.notAfter.toISOString()]).toEqual([
      '2026-01-01T11:00:00.000Z',
      '2026-01-31T12:00:00.000Z',
    ]);
    expect([made.notBefore, made.notAfter]).toEqual([read.notBefore, read.notAfter]);
    expect(read.getExtension(x509.BasicConstraintsExtension)).toMatchObject({ ca: false, critical: true });
    expect(read.getExtension(x509.KeyUsagesExtension)?.usages).toBe(x509.KeyUsageFlags.digitalSignature);
    expect(read.getExtension(x509.ExtendedKeyUsageExtension)?.usages).toEqual([x509.ExtendedKeyUsage.serverAuth]);
    const names = new X509Certificate(made.certificate).subjectAltName;
    expect(names).toBe('DNS:web.home.svc, IP Address:127.0.0.1, IP Address:2001:DB8:0:0:0:1:0:5');
  });

  test.each(['::1', '::', 'fe80::', '1:2:3:4:5:6:7:8', '::ffff:10.0.0.1', 'ABCD::'])(
    'knows the address %s',
    async (ip) => {
      const { certificate } = await issue([ip]);
      expect(new X509Certificate(certificate).checkIP(ip)).toBe(ip);
    },
  );

  test('writes the year 2050 and later in four digits', async () => {
    const { certificate, notAfter } = await issue(['a'], new Date('2049-12-15T00:00:00Z'));
    expect(notAfter.getUTCFullYear()).toBe(2050);
    expect(new X509Certificate(certificate).validToDate).toEqual(notAfter);
  });

  test('has another key and number each time', async () => {
    const [one, other] = [await issue(), await issue()];
    expect(one.key).not.toBe(other.key);
    const numbers = [one, other].map(({ certificate }) => new X509Certificate(certificate).serialNumber);
    expect(new Set(numbers).size).toBe(2);
  });

  test('convinces a client that trusts it alone, for its host, and nobody else', async () => {
    const made = await issue(['localhost'], new Date());
    const stranger = await issue(['localhost'], new Date());
    const server = createServer({ cert: made.certificate, key: made.key }, (socket) => socket.end());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const tell = async (ca: string, servername: string) => {
      const socket = connect({ host: '127.0.0.1', port, ca, servername });
      const outcome = await once(socket, 'secureConnect').then(
        () => 'trusted',
        (error: unknown) => (error as NodeJS.ErrnoException).code,
      );
      socket.destroy();
      return outcome;
    };
    expect(await tell(made.certificate, 'localhost')).toBe('trusted');
    expect(await tell(made.certificate, 'other.svc')).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
    expect(await tell(stranger.certificate, 'localhost')).not.toBe('trusted');
    server.close();
  });
});
