import { writeFile } from 'node:fs/promises';
import { stringify } from 'yaml';
import type { KeyPair } from './certificates.ts';

export type Credentials = KeyPair | { readonly token: string };

/** A kubeconfig file (0600) with one context; everything is inside it, so that it can be moved about. */
export async function writeKubeconfig(config: {
  readonly path: string;
  readonly server: string;
  /** PEM. */
  readonly ca: string;
  readonly user: string;
  readonly credentials: Credentials;
  readonly namespace?: string;
}): Promise<string> {
  const { path, server, ca, user, credentials, namespace } = config;
  const name = 'leindex-reloader-test';
  const content = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    clusters: [{ name, cluster: { server, 'certificate-authority-data': toBase64(ca) } }],
    users: [{ name: user, user: toUser(credentials) }],
    contexts: [{ name, context: { cluster: name, user, ...(namespace === undefined ? {} : { namespace }) } }],
  };
  await writeFile(path, stringify(content), { mode: 0o600 });
  return path;
}

function toUser(credentials: Credentials): Record<string, string> {
  if ('token' in credentials) return { token: credentials.token };
  return {
    'client-certificate-data': toBase64(credentials.certificate),
    'client-key-data': toBase64(credentials.key),
  };
}

function toBase64(pem: string): string {
  return Buffer.from(pem).toString('base64');
}
