import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { addClusterFlags, type ClusterAccess, type ClusterSettings, withCluster } from './cluster-access.ts';
import { CommandError, ExitCode, type CliCommand, type Io } from './command.ts';
import { listReloads, readReload, type Reload } from './read-reload.ts';
import { flag, newCommand, readSettings } from './settings.ts';
import { showReload, showReloads } from './show-status.ts';

interface Settings extends ClusterSettings {
  readonly output: 'text' | 'json' | 'yaml' | 'wide';
  readonly watch?: boolean;
  readonly allNamespaces?: boolean;
}

const POLL_MS = 500;

const command: CliCommand = { describe: newCommandLine, run };
export default command;

/** `status [NAME]`: the state of one source, or of all. */
async function run(argv: readonly string[], io: Io): Promise<ExitCode> {
  const parsed = readSettings<Settings>(newCommandLine(), argv, io);
  if (!parsed) return ExitCode.done;
  const { settings, args } = parsed;
  const [name] = args;
  if (name !== undefined && settings.allNamespaces) {
    throw new CommandError('-A lists all; leave it or the name out', ExitCode.usage);
  }
  return withCluster(settings, async (access) => {
    let shown = '';
    for (;;) {
      const page = await readPage(access, { name, settings, io });
      if (page !== shown) io.stdout.write(shown !== '' && io.stdout.isTTY === true ? `\u001b[H\u001b[2J${page}` : page);
      shown = page;
      if (!settings.watch) return ExitCode.done;
      await sleep(POLL_MS, undefined, { signal: io.signal }).catch(() => undefined);
      if (io.signal.aborted) return ExitCode.done;
    }
  });
}

function newCommandLine() {
  const line = newCommand(
    'status',
    'Shows what a ConfigMap asks for and what its pods run; without a name, all of them.',
  )
    .argument('[name]', 'a ConfigMap')
    .addOption(flag('-A, --all-namespaces', 'list those of every namespace'))
    .addOption(
      flag('-o, --output <format>', 'how to print it', { default: 'text', choices: ['text', 'wide', 'json', 'yaml'] }),
    )
    .addOption(flag('-w, --watch', 'print it again whenever it changes'));
  return addClusterFlags(line);
}

async function readPage(
  access: ClusterAccess,
  { name, settings, io }: { name: string | undefined; settings: Settings; io: Io },
): Promise<string> {
  const isTerminal = io.stdout.isTTY === true;
  const style = {
    isWide: settings.output === 'wide',
    isColoured: isTerminal,
    width: isTerminal ? io.stdout.columns : undefined,
  };
  if (name !== undefined) {
    const reload = await readReload(access, name, io.signal);
    return asData(settings.output, reload.object) ?? showReload(reload, style);
  }
  const reloads = await listReloads(access, settings.allNamespaces ? undefined : access.namespace, io.signal);
  const list = { apiVersion: 'v1', kind: 'List', items: reloads.map(({ object }: Reload) => object) };
  const none = `no ConfigMap has opted in${settings.allNamespaces ? '' : ` in namespace ${access.namespace}`}\n`;
  return asData(settings.output, list) ?? (reloads.length === 0 ? none : showReloads(reloads, style));
}

function asData(output: Settings['output'], object: object): string | undefined {
  if (output === 'json') return `${JSON.stringify(object, null, 2)}\n`;
  return output === 'yaml' ? stringify(object) : undefined;
}
