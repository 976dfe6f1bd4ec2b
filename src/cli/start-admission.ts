import type { Logger } from 'pino';
import { CertificateKeeper } from '../admission/certificate-keeper.ts';
import { WEBHOOK_NAME } from '../admission/webhook-configuration.ts';
import { createReviewer } from '../admission/reviewer.ts';
import { startWebhook, type WebhookServer } from '../admission/webhook-server.ts';
import { createKubeClient } from '../kube/kube-client.ts';
import { createWebhookTrust } from '../kube/webhook-trust.ts';
import { TlsFiles } from '../manager/tls-files.ts';
import { sleep, systemClock } from '../runtime/clock.ts';
import { CommandError, ExitCode } from './command.ts';
import type { HostPort } from './settings.ts';
import { version } from './version.ts';

interface AdmissionSettings {
  readonly kubeconfig?: string;
  readonly admissionListen?: HostPort;
  readonly admissionCert?: string;
  readonly admissionKey?: string;
  readonly admissionConfiguration: string;
  readonly maxConfigBytes: number;
}

/** The webhook of one replica. */
export interface Admission {
  /** Why no API server may be sent here yet. */
  unready(): string | undefined;
  close(): Promise<void>;
}

/** Where certificates come from, while it is open. */
type Certificates = Admission;

/** After a stop: until API servers and proxies have heard that this replica is not to be asked any more. */
const DRAIN_MS = 3_000;

/**
 * The webhook of every replica, leading or not; undefined where no flag asks for it.
 *
 * @param stop where it has aborted, `close` goes on serving for a moment: what is sent here still gets its answer
 * @throws CommandError where the flags do not fit together (2), or files or address cannot be used (3)
 */
export async function startAdmission(
  settings: AdmissionSettings,
  { logger, stop }: { readonly logger: Logger; readonly stop: AbortSignal },
): Promise<Admission | undefined> {
  const { admissionListen, admissionCert, admissionKey, maxConfigBytes } = settings;
  const isPair = (admissionCert === undefined) === (admissionKey === undefined);
  if (!isPair || (admissionListen === undefined && admissionCert !== undefined)) {
    const message = '--admission-cert and --admission-key belong together, and to --admission-listen';
    throw new CommandError(message, ExitCode.usage);
  }
  if (admissionListen === undefined) return undefined;
  const reviewer = createReviewer({ maxConfigBytes });
  const server = await startWebhook({ ...admissionListen, review: reviewer.review }).catch(async (cause: unknown) => {
    await reviewer.close();
    throw cannotStart(cause);
  });
  const close = async () => {
    await server.close();
    await reviewer.close();
  };
  try {
    const certificates =
      admissionCert === undefined || admissionKey === undefined
        ? keepOwn(settings, { server, logger })
        : await followFiles({ certFile: admissionCert, keyFile: admissionKey, logger }, server);
    logger.info({ admissionPort: server.port }, 'admission webhook listens');
    return {
      unready: () => certificates.unready(),
      close: async () => {
        if (stop.aborted) await sleep(systemClock, DRAIN_MS);
        await certificates.close();
        await close();
      },
    };
  } catch (cause) {
    await close();
    throw cannotStart(cause);
  }
}

function keepOwn(
  { kubeconfig, admissionConfiguration: configuration }: AdmissionSettings,
  { server, logger }: { readonly server: WebhookServer; readonly logger: Logger },
): Certificates {
  const client = createKubeClient({ kubeconfig, userAgent: `leindex-reloader/${version}`, logger });
  const keeper = new CertificateKeeper({
    trust: createWebhookTrust(client, { configuration, webhook: WEBHOOK_NAME }),
    serve: (pair) => server.replacePair(pair),
    clock: systemClock,
    wallClock: () => new Date(),
    logger,
  });
  const stop = new AbortController();
  const running = keeper.run(stop.signal);
  return {
    unready: () => keeper.unready,
    close: async () => {
      stop.abort();
      await running;
      await client.close();
    },
  };
}

async function followFiles(options: Parameters<typeof TlsFiles.load>[0], server: WebhookServer): Promise<Certificates> {
  const files = await TlsFiles.load(options);
  server.replacePair(files.current);
  files.follow((pair) => server.replacePair(pair));
  return { unready: () => undefined, close: () => Promise.resolve().then(() => files.close()) };
}

function cannotStart(cause: unknown): CommandError {
  const message = `admission webhook: ${cause instanceof Error ? cause.message : String(cause)}`;
  return new CommandError(message, ExitCode.unreachable, { cause });
}
