import { stringify } from 'yaml';
import type { ConfigChange } from '../core/config-diff.ts';
import type { HistoryEntry } from '../core/configreload.ts';
import { formatDuration } from '../core/duration.ts';
import { addClusterFlags, type ClusterSettings, withCluster } from './cluster-access.ts';
import { ExitCode, type CliCommand, type Io } from './command.ts';
import { readReload } from './read-reload.ts';
import { flag, newCommand, readSettings, wholeNumber } from './settings.ts';
import { showTable } from './table.ts';

interface Settings extends ClusterSettings {
  readonly output: 'text' | 'json' | 'yaml' | 'wide';
  readonly limit: number;
}

const command: CliCommand = { describe: newCommandLine, run };
export default command;

/** `history NAME`: reloads, newest first. */
async function run(argv: readonly string[], io: Io): Promise<ExitCode> {
  const parsed = readSettings<Settings>(newCommandLine(), argv, io);
  if (!parsed) return ExitCode.done;
  const { output, limit } = parsed.settings;
  const [name = ''] = parsed.args;
  return withCluster(parsed.settings, async (access) => {
    const entries = (await readReload(access, name, io.signal)).status.history.slice(0, limit);
    const isTerminal = io.stdout.isTTY === true && output !== 'wide';
    if (output === 'json') io.stdout.write(`${JSON.stringify(entries, null, 2)}\n`);
    else if (output === 'yaml') io.stdout.write(stringify(entries));
    else io.stdout.write(showHistory(entries, isTerminal ? io.stdout.columns : undefined));
    return ExitCode.done;
  });
}

function newCommandLine() {
  const line = newCommand('history', 'Shows the reloads of a ConfigMap, newest first.')
    .argument('<name>', 'a ConfigMap')
    .addOption(flag('--limit <n>', 'how many at most', { parse: wholeNumber(1, 100), default: 20 }))
    .addOption(
      flag('-o, --output <format>', 'how to print it', { default: 'text', choices: ['text', 'wide', 'json', 'yaml'] }),
    );
  return addClusterFlags(line);
}

function showHistory(entries: readonly HistoryEntry[], width: number | undefined): string {
  if (entries.length === 0) return 'no reload yet\n';
  const rows = entries.map((entry) => [
    entry.revision === 0 ? '' : String(entry.revision),
    entry.timestamp,
    entry.trigger,
    entry.result === 'success' ? 'success' : `${entry.result} (${entry.reason})`,
    formatDuration(entry.durationMs),
    `${entry.targets.reloaded}/${entry.targets.total}`,
    entry.author,
    entry.errorMessage || entry.changes.map(showChange).join(', '),
  ]);
  return showTable(['REVISION', 'TIME', 'TRIGGER', 'RESULT', 'TOOK', 'PODS', 'AUTHOR', 'CHANGES'], rows, width);
}

const showChange = ({ path, from, to }: ConfigChange) => `${path} ${from ?? 'unset'} → ${to ?? 'unset'}`;
