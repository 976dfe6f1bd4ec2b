import { mkdir, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { writeAuditPolicy, type AuditLevel } from './audit.ts';
import { createTokenKeys, saveKeyPair, type CertificateAuthority } from './certificates.ts';
import { startChild, type Child } from './child.ts';
import { findFreePort } from './free-port.ts';

/** Cluster IPs; 198.18.0.0/15 is set aside for benchmarks, so that it meets no real network. */
export const serviceCidr = '198.18.128.0/20';
/** What the service `kubernetes` gets: the first address of the range. */
export const kubernetesServiceIp = '198.18.128.1';

/** A program that can be stopped and started again with the same data. */
export interface Service {
  /** The running program, for faults. Throws while it is stopped. */
  readonly child: Child;
  stop(): Promise<void>;
  /** Returns when it is ready. */
  start(): Promise<void>;
}

export async function startEtcd(options: {
  readonly folder: string;
  readonly command: string;
}): Promise<Service & { readonly url: string }> {
  const { folder, command } = options;
  const url = `http://127.0.0.1:${await findFreePort()}`;
  const peerUrl = `http://127.0.0.1:${await findFreePort()}`;
  const args = [
    `--data-dir=${join(folder, 'etcd')}`,
    `--listen-client-urls=${url}`,
    `--advertise-client-urls=${url}`,
    `--listen-peer-urls=${peerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster=default=${peerUrl}`,
    '--unsafe-no-fsync', // nothing here outlives the machine
    '--log-level=warn',
  ];
  const isHealthy = async (): Promise<boolean> => {
    const answer = await fetch(`${url}/health`).catch(() => undefined);
    return answer?.ok === true;
  };
  const service = await startService(async () => {
    const child = await startChild({ folder, name: 'etcd', command, args });
    await child.untilReady(isHealthy);
    return child;
  });
  return Object.assign(service, { url });
}

export async function startApiserver(options: {
  readonly folder: string;
  readonly command: string;
  readonly authority: CertificateAuthority;
  readonly etcdUrl: string;
  readonly audit: AuditLevel | undefined;
  readonly flags: readonly string[];
}): Promise<Service & { readonly url: string; readonly auditLog: string | undefined }> {
  const { folder, command, authority } = options;
  const port = await findFreePort();
  const url = `https://127.0.0.1:${port}`;
  const audit = options.audit && (await writeAuditPolicy(folder, options.audit));
  const args = [
    `--etcd-servers=${options.etcdUrl}`,
    '--bind-address=127.0.0.1',
    `--secure-port=${port}`,
    '--endpoint-reconciler-type=none', // a loopback address is none that it would publish
    `--service-cluster-ip-range=${serviceCidr}`,
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    '--allow-privileged',
    '--enable-aggregator-routing', // webhooks behind a Service are called at their pods' addresses: there is no kube-proxy
    '--profiling=false',
    ...(await writeIdentity(folder, authority)),
    ...(audit?.flags ?? []),
    ...options.flags,
  ];
  const isReady = (): Promise<boolean> => answersOk(`${url}/readyz`, authority.pair.certificate);
  const service = await startService(async () => {
    const child = await startChild({ folder, name: 'kube-apiserver', command, args });
    await child.untilReady(isReady, 120_000);
    return child;
  });
  return Object.assign(service, { url, auditLog: audit?.log });
}

async function startService(launch: () => Promise<Child>): Promise<Service> {
  let running: Child | undefined = await launch();
  return {
    get child() {
      if (!running) throw new Error('it is stopped');
      return running;
    },
    stop: async () => {
      await running?.stop();
      running = undefined;
    },
    start: async () => {
      running ??= await launch();
    },
  };
}

/** Certificates, the key of service account tokens, and the flags that name them. */
async function writeIdentity(folder: string, authority: CertificateAuthority): Promise<string[]> {
  const names = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', 'kubernetes.default.svc.cluster.local'];
  const server = { commonName: 'kube-apiserver', hosts: ['localhost', '127.0.0.1', kubernetesServiceIp, ...names] };
  const toKubelet = { commonName: 'kube-apiserver-kubelet-client', organizations: ['system:masters'] };
  const serving = await saveKeyPair(folder, 'apiserver', await authority.issue(server));
  const client = await saveKeyPair(folder, 'apiserver-kubelet-client', await authority.issue(toKubelet));
  const tokens = createTokenKeys();
  await writeFile(join(folder, 'tokens.key'), tokens.privateKey, { mode: 0o600 });
  await writeFile(join(folder, 'tokens.pub'), tokens.publicKey);
  await mkdir(join(folder, 'apiserver'), { recursive: true });
  return [
    `--cert-dir=${join(folder, 'apiserver')}`,
    `--client-ca-file=${join(folder, 'ca.crt')}`,
    `--tls-cert-file=${serving.crt}`,
    `--tls-private-key-file=${serving.key}`,
    `--kubelet-certificate-authority=${join(folder, 'ca.crt')}`,
    `--kubelet-client-certificate=${client.crt}`,
    `--kubelet-client-key=${client.key}`,
    '--kubelet-preferred-address-types=InternalIP',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-signing-key-file=${join(folder, 'tokens.key')}`,
    `--service-account-key-file=${join(folder, 'tokens.pub')}`,
  ];
}

/** Anyone may ask for readiness; the answer is believed only under our own authority. */
function answersOk(url: string, ca: string): Promise<boolean> {
  return new Promise((resolve) => {
    const asking = request(url, { ca, agent: false, timeout: 2_000 }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    asking.on('timeout', () => asking.destroy());
    asking.on('error', () => resolve(false));
    asking.end();
  });
}
