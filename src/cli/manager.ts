import { pino, type Logger } from 'pino';
import { ConfigReloadManager } from '../manager/config-reload-manager.ts';
import { HttpEndpoint } from '../manager/http-endpoint.ts';
import { HttpTarget } from '../manager/http-target.ts';
import { createManagerMetrics, type ManagerMetrics } from '../manager/manager-metrics.ts';
import { PublishingTarget } from '../manager/publishing-target.ts';
import type { ReloadTarget } from '../manager/reload-target.ts';
import { RetryingTarget } from '../manager/retrying-target.ts';
import { listenToSignal } from '../manager/sighup.ts';
import { SignalTarget } from '../manager/signal-target.ts';
import { WebhookNotifier } from '../manager/webhook-notifier.ts';
import { CommandError, ExitCode, type CliCommand, type Io } from './command.ts';
import { describeManager, readManagerSettings, type ManagerSettings } from './manager-settings.ts';

async function run(argv: readonly string[], io: Io): Promise<ExitCode> {
  const settings = readManagerSettings(argv, io);
  if (!settings) return ExitCode.done;
  const logger = pino({ level: settings.logLevel, base: null }, io.stdout);
  const metrics = createManagerMetrics();
  const { manager, endpoint, notifier } = asUsage(() => build(settings, metrics, logger));

  const { address, port } = await endpoint.start().catch((error: unknown) => {
    throw new CommandError(`cannot listen: ${messageOf(error)}`, ExitCode.unreachable, { cause: error });
  });
  const stopIgnoring = settings.sighup ? undefined : ignoreSighup(logger);
  logger.info({ address, port }, 'listening');
  await manager.start();
  metrics.showLoaded(manager.getRunning());

  await aborted(io.signal);
  logger.info('stopping');
  // The endpoint answers the reload in flight, which the manager lets end.
  await Promise.all([endpoint.stop(), manager.stop()]);
  await notifier.close();
  stopIgnoring?.();
  logger.info('stopped');
  return ExitCode.done;
}

/** Who asks for no reload at SIGHUP does not ask for an end at it, which is what the system does by default. */
function ignoreSighup(logger: Logger): () => void {
  return listenToSignal(process, 'SIGHUP', () => logger.debug('SIGHUP is ignored: --no-sighup'));
}

function build(settings: ManagerSettings, metrics: ManagerMetrics, logger: Logger) {
  const target = buildTarget(settings);
  const notifier = new WebhookNotifier({
    urls: settings.notify,
    ...(settings.notifySecretFile === undefined ? {} : { secretFile: settings.notifySecretFile }),
    logger,
    onOutcome: metrics.countNotification,
  });
  const manager = new ConfigReloadManager({
    path: settings.config,
    watch: settings.watch ?? target !== undefined,
    pollMs: Math.max(10, settings.poll),
    handleSignals: settings.sighup,
    hashTimeoutMs: settings.hashTimeout,
    maxConfigBytes: settings.maxConfigBytes,
    initialApply: settings.initialReload,
    ...(settings.historyFile === undefined ? {} : { historyFile: settings.historyFile }),
    ...(target ? { target } : {}),
    onEvent: metrics.countEvent,
    onObserverFailure: metrics.countObserverFailure,
    logger,
  });
  manager.onEvent((event) => notifier.notify(event));
  return { manager, notifier, endpoint: buildEndpoint(settings, { manager, metrics, logger }) };
}

function buildTarget(settings: ManagerSettings): ReloadTarget | undefined {
  const { signalProcess, signal, settle, reloadUrl, reloadMethod, reloadStatus, allowRemoteReloadUrl, writeTo } =
    settings;
  const readsFile = writeTo === undefined;
  const target =
    signalProcess !== undefined
      ? new SignalTarget({ processName: signalProcess, signal, settleMs: settle, readsFile })
      : reloadUrl !== undefined
        ? new HttpTarget({
            url: reloadUrl,
            method: reloadMethod,
            allowRemote: allowRemoteReloadUrl ?? false,
            readsFile,
            ...(reloadStatus === undefined ? {} : { expectStatus: reloadStatus }),
          })
        : undefined;
  if (!target) return undefined;
  const retrying = new RetryingTarget(target, { attempts: settings.reloadAttempts, firstDelayMs: 500 });
  return writeTo === undefined ? retrying : new PublishingTarget(writeTo, retrying);
}

function buildEndpoint(
  settings: ManagerSettings,
  { manager, metrics, logger }: { manager: ConfigReloadManager; metrics: ManagerMetrics; logger: Logger },
): HttpEndpoint {
  const { tokenFile, insecureNoAuth, tlsCert, tlsKey, listen, maxConfigBytes } = settings;
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
}

/** What a constructor refuses came from a flag. */
function asUsage<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw new CommandError(messageOf(error), ExitCode.usage, { cause: error });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

const command: CliCommand = { describe: describeManager, run };
export default command;
