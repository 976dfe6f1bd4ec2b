import { stringify } from 'yaml';
import { type ClusterAccess, type ClusterSettings, withCluster } from './cluster-access.ts';
import { addClusterFlags } from './cluster-flags.ts';
import { CommandError, ExitCode, type CliCommand, type Io } from './command.ts';
import { listReloads, readReload, type Reload } from './read-reload.ts';
import { duration, flag, hasColours, newCommand, readSettings } from './settings.ts';
import { showReload, showReloads, type StatusStyle } from './show-status.ts';
import { type DataFormat, watchAll, watchOne } from './watch-status.ts';

interface Settings extends ClusterSettings {
  readonly output: 'text' | 'json' | 'yaml' | 'wide';
  readonly watch?: boolean;
  /** Milliseconds. */
  readonly timeout?: number;
  readonly allNamespaces?: boolean;
}

const command: CliCommand = { describe: newCommandLine, run };
export default command;

/** `status [NAME]`: the state of one source, or of all; with `--watch` until a rollout has ended. */
async function run(argv: readonly string[], io: Io): Promise<ExitCode> {
  const parsed = readSettings<Settings>(newCommandLine(), argv, io);
  if (!parsed) return ExitCode.done;
  const { settings, args } = parsed;
  const [name] = args;
  if (name !== undefined && settings.allNamespaces)
    throw new CommandError('-A lists all; leave it or the name out', ExitCode.usage);
  return withCluster(settings, (access) =>
    name === undefined ? showAll(access, settings, io) : showOne(access, { name, settings, io }),
  );
}

function newCommandLine() {
  const line = newCommand(
    'status',
    'Shows what a ConfigMap asks for and what its pods run; without a name, all of them. With --watch and a name it waits until the present text is rolled out or refused, and exits with 0 or 1 accordingly.',
  )
    .argument('[name]', 'a ConfigMap')
    .addOption(flag('-A, --all-namespaces', 'list those of every namespace'))
    .addOption(
      flag('-o, --output <format>', 'how to print it', { default: 'text', choices: ['text', 'wide', 'json', 'yaml'] }),
    )
    .addOption(flag('-w, --watch', 'show the progress until the rollout has ended; without a name, until interrupted'))
    .addOption(
      flag('--timeout <duration>', 'with --watch and a name: longest wait (default: none)', { parse: duration }),
    );
  return addClusterFlags(line);
}

async function showOne(
  access: ClusterAccess,
  { name, settings, io }: { readonly name: string; readonly settings: Settings; readonly io: Io },
): Promise<ExitCode> {
  const asPage = (reload: Reload) => showReload(reload, styleOf(settings, io));
  const asData = formatOf(settings);
  if (settings.watch) return watchOne(access, { name, timeoutMs: settings.timeout, asData, asPage, io });
  const reload = await readReload(access, name, io.signal);
  io.stdout.write(asData ? asData(reload.object) : asPage(reload));
  return ExitCode.done;
}

async function showAll(access: ClusterAccess, settings: Settings, io: Io): Promise<ExitCode> {
  const where = settings.allNamespaces ? '' : ` in namespace ${access.namespace}`;
  const list = () => listReloads(access, settings.allNamespaces ? undefined : access.namespace, io.signal);
  const asTable = (reloads: readonly Reload[]) =>
    reloads.length === 0 ? `no ConfigMap has opted in${where}\n` : showReloads(reloads, styleOf(settings, io));
  const asData = formatOf(settings);
  if (settings.watch) return watchAll({ list, asData, asTable, io });
  const reloads = await list();
  const items = reloads.map(({ object }) => object);
  io.stdout.write(asData ? asData({ apiVersion: 'v1', kind: 'List', items }) : asTable(reloads));
  return ExitCode.done;
}

function styleOf({ output }: Settings, { stdout }: Io): StatusStyle {
  const width = stdout.isTTY === true ? stdout.columns : undefined;
  return { isWide: output === 'wide', isColoured: hasColours(stdout), width };
}

function formatOf({ output, watch }: Settings): DataFormat {
  if (output === 'json') return (object) => `${JSON.stringify(object, null, 2)}\n`;
  if (output === 'yaml') return (object) => `${watch ? '---\n' : ''}${stringify(object)}`;
  return undefined;
}
