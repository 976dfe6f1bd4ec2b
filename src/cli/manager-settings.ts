import { CommandError, ExitCode, type Io } from './command.ts';
import {
  collectUrls,
  duration,
  flag,
  hostPort,
  newCommand,
  readSettings,
  wholeNumber,
  type HostPort,
} from './settings.ts';

/** What the flags of `manager` say; times in milliseconds. */
export interface ManagerSettings {
  readonly config: string;
  readonly listen: HostPort;
  readonly watch?: boolean;
  readonly poll: number;
  readonly sighup: boolean;
  readonly tokenFile?: string;
  readonly insecureNoAuth?: boolean;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly historyFile?: string;
  readonly maxConfigBytes: number;
  readonly hashTimeout: number;
  readonly notify: readonly string[];
  readonly notifySecretFile?: string;
  readonly signalProcess?: string;
  readonly signal: 'SIGHUP' | 'SIGUSR1' | 'SIGUSR2';
  readonly settle: number;
  readonly reloadUrl?: string;
  readonly reloadMethod: 'POST' | 'GET' | 'PUT';
  readonly reloadStatus?: number;
  readonly allowRemoteReloadUrl?: boolean;
  readonly reloadAttempts: number;
  readonly initialReload: 'never' | 'always' | 'changed';
  readonly writeTo?: string;
  readonly logLevel: string;
}

const levels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

/** Undefined where help was asked for and shown. @throws CommandError naming the flag that is wrong. */
export function readManagerSettings(argv: readonly string[], io: Io): Readonly<ManagerSettings> | undefined {
  const read = readSettings<ManagerSettings>(describeManager(), argv, io);
  if (!read) return undefined;
  const { settings } = read;
  const usage = (message: string) => new CommandError(message, ExitCode.usage);
  if ((settings.tlsCert === undefined) !== (settings.tlsKey === undefined))
    throw usage('--tls-cert and --tls-key go together');
  const hasTarget = settings.signalProcess !== undefined || settings.reloadUrl !== undefined;
  if (settings.signalProcess !== undefined && settings.reloadUrl !== undefined) {
    throw usage('--signal-process and --reload-url are two ways to tell one process: give one of them');
  }
  if (settings.writeTo !== undefined && !hasTarget) throw usage('--write-to needs --signal-process or --reload-url');
  return settings;
}

/** Its flags; times in milliseconds. */
export function describeManager() {
  return newCommand('manager', 'Reload one configuration file inside the pod.')
    .addOption(flag('--config <file>', 'the configuration file').makeOptionMandatory())
    .addOption(
      flag('--listen <host:port>', 'where the HTTP endpoint listens', {
        parse: hostPort,
        default: hostPort('127.0.0.1:8686'),
      }),
    )
    .addOption(flag('--watch', 'reload when the file changes (always on with --signal-process and --reload-url)'))
    .addOption(
      flag('--poll <duration>', 'how often the watched file is looked at anyway', { parse: duration, default: 30_000 }),
    )
    .addOption(flag('--no-sighup', 'ignore SIGHUP instead of reloading on it'))
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
    .addOption(
      flag(
        '--notify <url>',
        'tell this webhook of every reload (may be given again; in a list, a comma before http:// or https:// begins the next)',
        {
          parse: collectUrls,
          default: [],
        },
      ),
    )
    .addOption(flag('--notify-secret-file <file>', 'Standard Webhooks secret that the messages are signed with'))
    .addOption(flag('--signal-process <name>', 'sidecar: signal the process of exactly this name'))
    .addOption(
      flag('--signal <signal>', 'which signal', { choices: ['SIGHUP', 'SIGUSR1', 'SIGUSR2'], default: 'SIGHUP' }),
    )
    .addOption(
      flag('--settle <duration>', 'how long the process must stay alive after it', { parse: duration, default: 1000 }),
    )
    .addOption(flag('--reload-url <url>', 'sidecar: ask the process to reload at this URL'))
    .addOption(flag('--reload-method <method>', 'how', { choices: ['POST', 'GET', 'PUT'], default: 'POST' }))
    .addOption(
      flag('--reload-status <n>', 'the only status that counts as success (default: 200 to 299)', {
        parse: wholeNumber(100, 599),
      }),
    )
    .addOption(flag('--allow-remote-reload-url', 'allow a --reload-url on another machine'))
    .addOption(
      flag('--reload-attempts <n>', 'tries at once before the next look', { parse: wholeNumber(1, 20), default: 3 }),
    )
    .addOption(
      flag(
        '--initial-reload <when>',
        'whether the process is told at the start; changed: where the kept history ended with another text',
        {
          choices: ['never', 'always', 'changed'],
          default: 'changed',
        },
      ),
    )
    .addOption(flag('--write-to <file>', 'write validated texts here; the process reads this file, not --config'))
    .addOption(flag('--log-level <level>', 'least severe level that is logged', { choices: levels, default: 'info' }));
}
