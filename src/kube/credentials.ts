import { createHash } from 'node:crypto';
import type { RequestOptions } from 'node:https';
import { KubeConfig, type DispatcherOptions } from '@kubernetes/client-node';
import type { Logger } from 'pino';

/** How to reach and convince the API server at one moment. */
export interface Access {
  /** Base address without a trailing slash. */
  readonly server: string;
  /** Authorization and impersonation, to be sent with every call. */
  readonly headers: Readonly<Record<string, string>>;
  /** TLS and proxy options, as undici takes them. */
  readonly transport: DispatcherOptions;
  /** Changes when, and only when, connections made before must not be used for new calls. */
  readonly fingerprint: string;
  /** Rises with every `refresh`. */
  readonly generation: number;
}

/** Files are read again after this long, so that a rotated CA or client certificate is noticed, milliseconds. */
const FRESH_MS = 5_000;

/**
 * Authentication by client-node's KubeConfig: kubeconfig files, in-cluster tokens, exec plugins, OIDC.
 * Only its public parts are used, and no typed API of it: those build a new Agent per request.
 */
export class Credentials {
  readonly #load: () => KubeConfig;
  readonly #now: () => number;
  readonly #logger: Logger;
  #config: KubeConfig;
  #access: { readonly value: Promise<Access>; readonly at: number } | undefined;
  #generation = 0;
  #fingerprint = '';

  constructor(input: {
    kubeconfig?: string | undefined;
    context?: string | undefined;
    logger: Logger;
    now?: () => number;
  }) {
    this.#load = () => loadKubeConfig(input.kubeconfig, input.context);
    this.#logger = input.logger;
    this.#now = input.now ?? (() => performance.now());
    this.#config = this.#load();
  }

  /** The present configuration; a new object after a refresh, since KubeConfig keeps agents with the old CA for ever. */
  get kubeConfig(): KubeConfig {
    return this.#config;
  }

  /** Headers and transport for a call, at most five seconds old. */
  async access(): Promise<Access> {
    const now = this.#now();
    if (this.#access && now - this.#access.at < FRESH_MS) return this.#access.value;
    const value = this.#read();
    this.#access = { value, at: now };
    value.catch(() => {
      if (this.#access?.value === value) this.#access = undefined;
    });
    return value;
  }

  /** Reads kubeconfig, token and certificates again; once for all callers that saw the same generation. */
  refresh(seenGeneration: number): void {
    if (seenGeneration !== this.#generation) return;
    try {
      this.#config = this.#load();
      this.#generation++;
      this.#access = undefined;
    } catch (err) {
      this.#logger.warn({ err }, 'credentials cannot be read again; the old ones stay');
    }
  }

  async #read(): Promise<Access> {
    const generation = this.#generation;
    const read = await readAccess(this.#config);
    if (this.#fingerprint !== '' && read.fingerprint !== this.#fingerprint && generation === this.#generation) {
      this.#logger.info('certificates of the API server connection changed');
      this.#generation++;
      this.#config = this.#load();
    }
    this.#fingerprint = read.fingerprint;
    return { ...read, generation: this.#generation };
  }
}

/** A given file, else client-node's default rules: KUBECONFIG, ~/.kube/config, the pod's service account. */
function loadKubeConfig(file: string | undefined, context: string | undefined): KubeConfig {
  const config = new KubeConfig();
  if (file === undefined) config.loadFromDefault();
  else config.loadFromFile(file);
  if (context !== undefined) config.setCurrentContext(context);
  if (!config.getCurrentCluster())
    throw new Error(`kubeconfig: no cluster for context "${config.getCurrentContext()}"`);
  return config;
}

async function readAccess(config: KubeConfig): Promise<Omit<Access, 'generation'>> {
  const cluster = config.getCurrentCluster();
  if (!cluster) throw new Error('kubeconfig: no current cluster');
  const options: RequestOptions = {};
  await config.applyToHTTPSOptions(options);
  const headers = Object.fromEntries(
    Object.entries(options.headers ?? {}).map(([name, value]) => [name, String(value)]),
  );
  if (typeof options.auth === 'string') headers.Authorization = `Basic ${Buffer.from(options.auth).toString('base64')}`;
  const { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername } = options;
  const tls = Object.fromEntries(
    Object.entries({ ca, cert, key, pfx, passphrase, rejectUnauthorized, servername }).filter(
      ([, value]) => value !== undefined,
    ),
  );
  return {
    server: cluster.server.replace(/\/+$/, ''),
    headers,
    transport: config.createDispatcherOptions(cluster, tls),
    fingerprint: createHash('sha256')
      .update(JSON.stringify([cluster.server, cluster.proxyUrl, tls]))
      .digest('hex'),
  };
}
