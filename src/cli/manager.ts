import { pino } from 'pino';
import { ConfigReloadManager } from '../manager/config-reload-manager.ts';
import { HttpEndpoint } from '../manager/http-endpoint.ts';
import { createManagerMetrics } from '../manager/manager-metrics.ts';
import { CommandError, ExitCode, type CliCommand, type Io } from './command.ts';
import { duration, flag, hostPort, newCommand, readSettings, wholeNumber, type HostPort } from './settings.ts';

interface Settings {
  readonly config: string;
  readonly listen: HostPort;
  readonly watch?: boolean;
  readonly sighup: boolean;
  readonly tokenFile?: string;
  readonly insecureNoAuth?: boolean;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly historyFile?: string;
  readonly maxConfigBytes: number;
  readonly hashTimeout: number;
  readonly logLevel: string;
}

const levels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

function buildCommand() {
  return newCommand('manager', 'Reload one configuration file inside the pod.')
    .addOption(flag('--config <file>', 'the configuration file').makeOptionMandatory())
    .addOption(
      flag('--listen <host:port>', 'where the HTTP endpoint listens', {
        parse: hostPort,
        default: hostPort('127.0.0.1:8686'),
      }),
    )
    .addOption(flag('--watch', 'reload when the file changes'))
    .addOption(flag('--no-sighup', 'do not reload on SIGHUP'))
    .addOption(flag('--token-file <file>', 'bearer token that the endpoint asks for'))
    .addOption(flag('--insecure-no-auth', 'listen on more than loopback without a token'))
    .addOption(flag('--tls-cert <file>', 'serve HTTPS with this certificate (PEM)'))
    .addOption(flag('--tls-key <file>', 'its key (PEM)'))
    .addOption(flag('--history-file <file>', 'keep the reload history here across restarts'))
    .addOption(
      flag('--max-config-bytes <n>', 'largest configuration', { parse: wholeNumber(1, 262_144), default: 65_536 }),
    )
    .addOption(
      flag('--hash-timeout <duration>', 'how long a reload by hash waits for the file', {
        parse: duration,
        default: 30_000,
      }),
    )
    .addOption(flag('--log-level <level>', 'least severe level that is logged', { choices: levels, default: 'info' }));
}

async function run(argv: readonly string[], io: Io): Promise<ExitCode> {
  const read = readSettings<Settings>(buildCommand(), argv, io);
  if (!read) return ExitCode.done;
  const { settings } = read;
  if ((settings.tlsCert === undefined) !== (settings.tlsKey === undefined)) {
    throw new CommandError('--tls-cert and --tls-key go together', ExitCode.usage);
  }
  const logger = pino({ level: settings.logLevel, base: null }, io.stdout);
  const metrics = createManagerMetrics();
  const manager = new ConfigReloadManager({
    path: settings.config,
    watch: settings.watch ?? false,
    handleSignals: settings.sighup,
    hashTimeoutMs: settings.hashTimeout,
    maxConfigBytes: settings.maxConfigBytes,
    ...(settings.historyFile === undefined ? {} : { historyFile: settings.historyFile }),
    onEvent: metrics.countEvent,
    onObserverFailure: metrics.countObserverFailure,
    logger,
  });
  const endpoint = createEndpoint();
  const { address, port } = await endpoint.start().catch((error: unknown) => {
    throw new CommandError(
      `cannot listen: ${error instanceof Error ? error.message : String(error)}`,
      ExitCode.unreachable,
      { cause: error },
    );
  });
  logger.info({ address, port }, 'listening');
  await manager.start();
  metrics.showLoaded(manager.getRunning()?.hash ?? null);

  await new Promise<void>((resolve) => {
    if (io.signal.aborted) resolve();
    io.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  logger.info('stopping');
  await Promise.all([endpoint.stop(), manager.stop()]);
  logger.info('stopped');
  return ExitCode.done;

  function createEndpoint(): HttpEndpoint {
    const { tokenFile, insecureNoAuth, tlsCert, tlsKey, listen, maxConfigBytes } = settings;
    try {
      return new HttpEndpoint({
        manager,
        listen,
        registry: metrics.registry,
        maxConfigBytes,
        logger,
        ...(tokenFile === undefined ? {} : { tokenFile }),
        ...(insecureNoAuth === undefined ? {} : { allowNoAuth: insecureNoAuth }),
        ...(tlsCert === undefined || tlsKey === undefined ? {} : { tls: { certFile: tlsCert, keyFile: tlsKey } }),
      });
    } catch (error) {
      throw new CommandError(error instanceof Error ? error.message : String(error), ExitCode.usage, { cause: error });
    }
  }
}

const command: CliCommand = { run };
export default command;
