import { isIP } from 'node:net';

/** `127.0.0.0/8`, `::1`, `localhost`. */
export function isLoopbackAddress(host: string): boolean {
  if (isIP(host) === 4) return host.startsWith('127.');
  return host === '::1' || host === 'localhost' || /^::ffff:127\./i.test(host);
}
