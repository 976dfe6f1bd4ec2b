import type { Logger } from 'pino';
import { startWebhook } from '../admission/webhook-server.ts';
import { createBoundedValidator } from '../gate/bounded-validator.ts';
import { TlsFiles } from '../manager/tls-files.ts';
import { CommandError, ExitCode } from './command.ts';
import type { HostPort } from './settings.ts';

interface AdmissionSettings {
  readonly admissionListen?: HostPort;
  readonly admissionCert?: string;
  readonly admissionKey?: string;
  readonly maxConfigBytes: number;
}

/**
 * The webhook of every replica, leading or not; undefined where no flag asks for it.
 *
 * @throws CommandError where the flags do not fit together (2), or files or address cannot be used (3)
 */
export async function startAdmission(
  { admissionListen, admissionCert, admissionKey, maxConfigBytes }: AdmissionSettings,
  logger: Logger,
): Promise<{ close(): Promise<void> } | undefined> {
  const given = [admissionListen, admissionCert, admissionKey].filter((one) => one !== undefined);
  if (given.length === 0) return undefined;
  if (admissionListen === undefined || admissionCert === undefined || admissionKey === undefined) {
    const message = '--admission-listen, --admission-cert and --admission-key belong together';
    throw new CommandError(message, ExitCode.usage);
  }
  const validator = createBoundedValidator({ maxBytes: maxConfigBytes });
  try {
    const files = await TlsFiles.load({ certFile: admissionCert, keyFile: admissionKey, logger });
    const { validate } = validator;
    const server = await startWebhook({ ...admissionListen, pair: files.current, validate });
    files.follow((pair) => server.replacePair(pair));
    logger.info({ admissionPort: server.port }, 'admission webhook listens');
    return {
      close: async () => {
        files.close();
        await server.close();
        await validator.close();
      },
    };
  } catch (cause) {
    await validator.close();
    const message = `admission webhook: ${cause instanceof Error ? cause.message : String(cause)}`;
    throw new CommandError(message, ExitCode.unreachable, { cause });
  }
}
