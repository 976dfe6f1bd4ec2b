import { readFileSync } from 'node:fs';
import { InvalidArgumentError } from 'commander';
import { pino } from 'pino';
import { isCidr } from '../core/address-rules.ts';
import { runOperator } from '../operator/run-operator.ts';
import { startAdmission } from './start-admission.ts';
import { CommandError, ExitCode, type CliCommand, type Io } from './command.ts';
import {
  collect,
  duration,
  flag,
  type HostPort,
  hostPort,
  LOG_LEVELS,
  newCommand,
  readSettings,
  wholeNumber,
} from './settings.ts';
import { version } from './version.ts';

interface Settings {
  readonly kubeconfig?: string;
  readonly namespace?: readonly string[];
  readonly listen: HostPort;
  readonly strategies: readonly Strategy[];
  readonly concurrency: number;
  readonly podConcurrency: number;
  readonly allowEndpointCidr?: readonly string[];
  readonly allowHostNetwork?: boolean;
  readonly endpointCaFile?: string;
  readonly soak: number;
  readonly maxConfigBytes: number;
  readonly leaderElect?: boolean;
  readonly leaderElectNamespace?: string;
  readonly admissionListen?: HostPort;
  readonly admissionCert?: string;
  readonly admissionKey?: string;
  readonly admissionConfiguration: string;
  readonly logLevel: string;
}

const LEASE_NAME = 'leindex-reloader';

type Strategy = 'endpoint' | 'signal';

function buildCommand() {
  return newCommand('controller', 'Watch annotated ConfigMaps and reload the pods that use them.')
    .addOption(flag('--kubeconfig <file>', 'how to reach the cluster (default: KUBECONFIG, then the pod itself)'))
    .addOption(
      flag('--namespace <name>', 'work in this namespace only; may be repeated (default: all)', { parse: collect }),
    )
    .addOption(
      flag('--listen <host:port>', 'where /healthz, /readyz and /metrics are', {
        parse: hostPort,
        default: hostPort('127.0.0.1:8080'),
      }),
    )
    .addOption(
      flag('--strategies <list>', 'what may be used: endpoint, signal', {
        parse: strategies,
        default: ['endpoint', 'signal'],
      }),
    )
    .addOption(
      flag('--concurrency <n>', 'ConfigMaps worked on at the same time', { parse: wholeNumber(1, 1000), default: 512 }),
    )
    .addOption(
      flag('--pod-concurrency <n>', 'targets of one ConfigMap worked on at the same time', {
        parse: wholeNumber(1, 1000),
        default: 64,
      }),
    )
    .addOption(
      flag('--allow-endpoint-cidr <cidr>', 'call endpoints in this otherwise refused range; may be repeated', {
        parse: cidrs,
      }),
    )
    .addOption(
      flag('--soak <duration>', 'how long canaries are watched before the rest follows', {
        parse: duration,
        default: 5_000,
      }),
    )
    .addOption(flag('--allow-host-network', 'call endpoints of pods that use the network of their node'))
    .addOption(flag('--endpoint-ca-file <file>', 'certificates (PEM) that https endpoints are checked against'))
    .addOption(
      flag('--max-config-bytes <n>', 'largest configuration', { parse: wholeNumber(1, 262_144), default: 65_536 }),
    )
    .addOption(flag('--leader-elect', 'act only while holding a Lease, so that a second replica can take over'))
    .addOption(flag('--leader-elect-namespace <name>', "where the Lease is (default: the pod's own namespace)"))
    .addOption(
      flag('--admission-listen <host:port>', 'serve the validating admission webhook here, over HTTPS', {
        parse: hostPort,
      }),
    )
    .addOption(
      flag('--admission-cert <file>', 'its certificate (PEM), followed when it is rotated (default: one of its own)'),
    )
    .addOption(flag('--admission-key <file>', 'the key of that certificate (PEM)'))
    .addOption(
      flag(
        '--admission-configuration <name>',
        'ValidatingWebhookConfiguration that is to trust a certificate of its own',
        {
          default: 'leindex-reloader',
        },
      ),
    )
    .addOption(
      flag('--log-level <level>', 'least severe level that is logged', { choices: LOG_LEVELS, default: 'info' }),
    );
}

async function run(argv: readonly string[], io: Io): Promise<ExitCode> {
  const read = readSettings<Settings>(buildCommand(), argv, io);
  if (!read) return ExitCode.done;
  const { settings } = read;
  const logger = pino({ level: settings.logLevel, base: null }, io.stdout);
  const webhook = await startAdmission(settings, { logger, stop: io.signal });
  try {
    await runOperator(
      {
        kubeconfig: settings.kubeconfig,
        namespaces: settings.namespace ?? [],
        listen: settings.listen,
        strategies: settings.strategies,
        concurrency: settings.concurrency,
        podConcurrency: settings.podConcurrency,
        addresses: {
          allowed: settings.allowEndpointCidr ?? [],
          isHostNetworkAllowed: settings.allowHostNetwork ?? false,
        },
        soakMs: settings.soak,
        maxConfigBytes: settings.maxConfigBytes,
        endpointCa: settings.endpointCaFile === undefined ? undefined : readFileSync(settings.endpointCaFile, 'utf8'),
        election: settings.leaderElect
          ? { leaseName: LEASE_NAME, namespace: settings.leaderElectNamespace }
          : undefined,
        version,
      },
      { logger, signal: io.signal, unready: () => webhook?.unready() },
    );
  } catch (error) {
    throw new CommandError(error instanceof Error ? error.message : String(error), ExitCode.unreachable, {
      cause: error,
    });
  } finally {
    await webhook?.close();
  }
  return ExitCode.done;
}

function strategies(word: string): Strategy[] {
  const words = collect(word, []);
  const known = words.filter((one): one is Strategy => one === 'endpoint' || one === 'signal');
  if (words.length === 0 || known.length !== words.length) {
    throw new InvalidArgumentError(`"${word}" is not a list of endpoint and signal.`);
  }
  return known;
}

function cidrs(word: string, previous: unknown): string[] {
  const all = collect(word, previous);
  const wrong = all.find((cidr) => !isCidr(cidr));
  if (wrong !== undefined) throw new InvalidArgumentError(`"${wrong}" is not a CIDR, as in 10.0.0.0/8.`);
  return all;
}

const command: CliCommand = { describe: buildCommand, run };
export default command;
