import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import {
  ApiextensionsV1Api,
  AppsV1Api,
  CoreV1Api,
  CustomObjectsApi,
  EventsV1Api,
  KubeConfig,
  KubernetesObjectApi,
  PatchStrategy,
  type KubernetesObject,
} from '@kubernetes/client-node';
import { parseAllDocuments } from 'yaml';
import { readAuditLog, type AuditEvent } from './audit.ts';
import { findOrBuildBinaries } from './binaries.ts';
import { CertificateAuthority, type Subject } from './certificates.ts';
import { writeKubeconfig } from './kubeconfig.ts';
import { removeNamespace } from './remove-namespace.ts';
import { run } from './run.ts';
import { waitUntil } from './wait-until.ts';

/** How another process reaches a running control plane; plain data, so that vitest can hand it on. */
export interface ClusterAddress {
  readonly folder: string;
  readonly url: string;
  readonly kubeconfig: string;
  readonly auditLog: string | null;
  /** Whether a controller manager ends namespaces and makes service accounts. */
  readonly hasControllerManager: boolean;
}

/** A running cluster, seen by its administrator. */
export class Cluster {
  readonly url: string;
  /** Path of the administrator's kubeconfig. */
  readonly kubeconfig: string;
  readonly kubeConfig = new KubeConfig();
  readonly core: CoreV1Api;
  readonly apps: AppsV1Api;
  readonly events: EventsV1Api;
  readonly custom: CustomObjectsApi;
  readonly extensions: ApiextensionsV1Api;
  readonly objects: KubernetesObjectApi;
  readonly #address: ClusterAddress;

  constructor(address: ClusterAddress) {
    this.#address = address;
    this.url = address.url;
    this.kubeconfig = address.kubeconfig;
    this.kubeConfig.loadFromFile(address.kubeconfig);
    this.core = this.kubeConfig.makeApiClient(CoreV1Api);
    this.apps = this.kubeConfig.makeApiClient(AppsV1Api);
    this.events = this.kubeConfig.makeApiClient(EventsV1Api);
    this.custom = this.kubeConfig.makeApiClient(CustomObjectsApi);
    this.extensions = this.kubeConfig.makeApiClient(ApiextensionsV1Api);
    this.objects = KubernetesObjectApi.makeApiClient(this.kubeConfig);
  }

  /** A namespace with a random name and the service account `default`, without which no pod can be made in it. */
  async createNamespace(prefix = 'test'): Promise<string> {
    const name = `${prefix}-${randomBytes(4).toString('hex')}`;
    await this.core.createNamespace({ body: { metadata: { name } } });
    if (this.#address.hasControllerManager) {
      // A pod made before both are there is refused, or starts seconds late.
      await this.#waitFor(() => this.core.readNamespacedServiceAccount({ namespace: name, name: 'default' }));
      await this.#waitFor(() => this.core.readNamespacedConfigMap({ namespace: name, name: 'kube-root-ca.crt' }));
    } else {
      await this.core.createNamespacedServiceAccount({ namespace: name, body: { metadata: { name: 'default' } } });
    }
    return name;
  }

  /** Deletes a namespace with all that is in it, at once: no grace for pods. Safe to repeat. */
  async removeNamespace(name: string): Promise<void> {
    await removeNamespace(this.kubeConfig, name);
  }

  /**
   * Server-side apply of one object, or of each document of a YAML text, in order. `namespace` is for those that name
   * none; kinds that have no namespace must be applied without it.
   */
  async apply<T extends KubernetesObject>(manifest: string | T, namespace?: string): Promise<T[]> {
    const objects = typeof manifest === 'string' ? parseManifests<T>(manifest) : [manifest];
    const applied: T[] = [];
    for (const object of objects) {
      const metadata = { ...(namespace === undefined ? {} : { namespace }), ...object.metadata };
      applied.push(
        await this.objects.patch(
          { ...object, metadata },
          undefined,
          undefined,
          'leindex-reloader-test',
          true,
          PatchStrategy.ServerSideApply,
        ),
      );
    }
    return applied;
  }

  /** Standard output of kubectl, run as the administrator; throws with its standard error where it fails. */
  async kubectl(...args: string[]): Promise<string> {
    const { kubectl } = await findOrBuildBinaries(['kubectl']);
    return await run(kubectl, ['--kubeconfig', this.kubeconfig, ...args]);
  }

  /** `kubectl apply -f -` as a person does it. */
  async kubectlApply(manifest: string, ...args: string[]): Promise<string> {
    const { kubectl } = await findOrBuildBinaries(['kubectl']);
    return await run(kubectl, ['--kubeconfig', this.kubeconfig, 'apply', '-f', '-', ...args], { input: manifest });
  }

  /** Path of a kubeconfig for a service account that exists, with a token of one hour. */
  async serviceAccountKubeconfig(account: { readonly namespace: string; readonly name: string }): Promise<string> {
    const { status } = await this.core.createNamespacedServiceAccountToken({
      ...account,
      body: { spec: { audiences: [], expirationSeconds: 3600 } },
    });
    if (!status?.token) throw new Error(`no token for ${account.namespace}/${account.name}`);
    const user = `sa-${account.namespace}-${account.name}`;
    return await this.#writeKubeconfig(user, { token: status.token }, account.namespace);
  }

  /** Path of a kubeconfig for a client certificate: `commonName` is the user, `organizations` the groups. */
  async userKubeconfig(subject: Subject): Promise<string> {
    const authority = await CertificateAuthority.load(this.#address.folder);
    return await this.#writeKubeconfig(subject.commonName, await authority.issue(subject));
  }

  /** Every request answered so far that `matches`; throws where the cluster keeps no audit log. */
  async readAudit(matches: (event: AuditEvent) => boolean = () => true): Promise<AuditEvent[]> {
    if (this.#address.auditLog === null) throw new Error('this control plane was started without `audit`');
    return (await readAuditLog(this.#address.auditLog)).filter(matches);
  }

  async #waitFor(read: () => Promise<KubernetesObject>): Promise<void> {
    const check = async (): Promise<boolean> => {
      const found = await read().catch((error: unknown) => {
        if ((error as { code?: number }).code !== 404) throw error;
      });
      return found !== undefined;
    };
    await waitUntil({ what: 'the namespace has its account and its certificates', check });
  }

  async #writeKubeconfig(
    user: string,
    credentials: Parameters<typeof writeKubeconfig>[0]['credentials'],
    namespace?: string,
  ): Promise<string> {
    const file = `${user.replaceAll(/[^\w.-]/g, '_')}-${randomBytes(4).toString('hex')}.yaml`;
    return await writeKubeconfig({
      path: join(this.#address.folder, 'kubeconfigs', file),
      server: this.url,
      ca: (await CertificateAuthority.load(this.#address.folder)).pair.certificate,
      user,
      credentials,
      ...(namespace === undefined ? {} : { namespace }),
    });
  }
}

/** The objects of a YAML text, empty documents left out. */
export function parseManifests<T extends KubernetesObject>(text: string): T[] {
  const documents = [...parseAllDocuments(text)];
  for (const { errors } of documents) if (errors[0]) throw errors[0];
  return documents.map((document) => document.toJS() as T | null).filter((object) => object !== null);
}
