import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { findOrBuildBinaries, type BinaryName } from './binaries.ts';
import { CertificateAuthority, type Subject } from './certificates.ts';
import type { AuditLevel } from './audit.ts';
import { startApiserver, startEtcd, type Service } from './apiserver.ts';
import { startChild, type Child } from './child.ts';
import type { ClusterAddress } from './cluster.ts';
import { writeKubeconfig } from './kubeconfig.ts';
import { createWorkFolder } from './work-folder.ts';

export interface ControlPlaneOptions {
  /** Deployments, garbage collection, namespaces that end, default service accounts. Default false. */
  readonly controllerManager?: boolean;
  /** Gives pods a node. Default false. */
  readonly scheduler?: boolean;
  /** Records every request at this level, as JSON lines, before it is answered. Default: none. */
  readonly audit?: AuditLevel;
  /** More flags for kube-apiserver, after ours. */
  readonly apiserverFlags?: readonly string[];
}

/** A real etcd and kube-apiserver on loopback, with RBAC, the Node authorizer and certificates of their own. */
export interface ControlPlane {
  /** Temporary; holds certificates, kubeconfigs, `logs/` and etcd's data. */
  readonly folder: string;
  /** As `https://127.0.0.1:41234`. */
  readonly url: string;
  /** Path of a kubeconfig of the group system:masters. */
  readonly kubeconfig: string;
  readonly authority: CertificateAuthority;
  /** Path of the audit log; undefined without `audit`. */
  readonly auditLog: string | undefined;
  /** For `new Cluster(address)`, in this process or another. */
  readonly address: ClusterAddress;
  /** Can be stopped and started again with the same data, address and certificates. */
  readonly etcd: Service;
  readonly apiserver: Service;
  /** A new kubeconfig file for a client certificate: `commonName` is the user, `organizations` the groups. */
  createKubeconfig(subject: Subject): Promise<string>;
  /** Ends all of it and removes the folder. */
  stop(): Promise<void>;
}

/** Ready when it returns (some 5 s after the binaries are there). Ends with this process at the latest. */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const binaries: Partial<Record<BinaryName, string>> = await findOrBuildBinaries(neededBinaries(options));
  const work = await createWorkFolder();
  const folder = work.path;
  const children: Child[] = [];
  try {
    const authority = await CertificateAuthority.create();
    await authority.save(folder);
    await mkdir(join(folder, 'kubeconfigs'));
    const etcd = await startEtcd({ folder, command: binaries.etcd! });
    const apiserver = await startApiserver({
      folder,
      command: binaries['kube-apiserver']!,
      authority,
      etcdUrl: etcd.url,
      audit: options.audit,
      flags: options.apiserverFlags ?? [],
    });
    const createKubeconfig = async (subject: Subject): Promise<string> =>
      await writeKubeconfig({
        path: join(folder, 'kubeconfigs', `${subject.commonName.replaceAll(/[^\w.-]/g, '_')}.yaml`),
        server: apiserver.url,
        ca: authority.pair.certificate,
        user: subject.commonName,
        credentials: await authority.issue(subject),
      });
    const kubeconfig = await createKubeconfig({ commonName: 'admin', organizations: ['system:masters'] });
    for (const name of ['kube-controller-manager', 'kube-scheduler'] as const) {
      const command = binaries[name];
      if (command === undefined) continue;
      const own = await createKubeconfig({ commonName: `system:${name}` });
      children.push(await startChild({ folder, name, command, args: managerFlags(name, { folder, kubeconfig: own }) }));
    }
    const address: ClusterAddress = {
      folder,
      url: apiserver.url,
      kubeconfig,
      auditLog: apiserver.auditLog ?? null,
      hasControllerManager: options.controllerManager === true,
    };
    return {
      folder,
      url: apiserver.url,
      kubeconfig,
      authority,
      auditLog: apiserver.auditLog,
      address,
      etcd,
      apiserver,
      createKubeconfig,
      stop: async () => {
        await Promise.all(children.map((child) => child.stop()));
        await apiserver.stop();
        await etcd.stop();
        await work.remove();
      },
    };
  } catch (error) {
    await work.remove();
    throw error;
  }
}

function neededBinaries({ controllerManager = false, scheduler = false }: ControlPlaneOptions): BinaryName[] {
  return [
    'etcd',
    'kube-apiserver',
    ...(controllerManager ? (['kube-controller-manager'] as const) : []),
    ...(scheduler ? (['kube-scheduler'] as const) : []),
  ];
}

function managerFlags(
  name: 'kube-controller-manager' | 'kube-scheduler',
  { folder, kubeconfig }: { readonly folder: string; readonly kubeconfig: string },
): string[] {
  const flags = [`--kubeconfig=${kubeconfig}`, '--leader-elect=false', '--secure-port=0'];
  if (name === 'kube-scheduler') return flags;
  return [
    ...flags,
    '--use-service-account-credentials',
    `--service-account-private-key-file=${join(folder, 'tokens.key')}`,
    `--root-ca-file=${join(folder, 'ca.crt')}`,
  ];
}
