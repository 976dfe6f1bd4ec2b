import { stringify } from 'yaml';
import type { ConfigChange } from '../core/config-diff.ts';
import type { ConfigReloadStatus, HistoryEntry } from '../core/configreload.ts';
import { shortHash } from '../core/content-hash.ts';
import { formatDuration } from '../core/duration.ts';
import { showAge } from './age.ts';
import { addClusterFlags } from './cluster-flags.ts';
import { type ClusterSettings, withCluster } from './cluster-access.ts';
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
    const { status } = await readReload(access, name, io.signal);
    const entries = status.history.slice(0, limit);
    const width = io.stdout.isTTY === true ? io.stdout.columns : undefined;
    if (output === 'json') io.stdout.write(`${JSON.stringify(entries, null, 2)}\n`);
    else if (output === 'yaml') io.stdout.write(stringify(entries));
    else if (output === 'wide') io.stdout.write(showWide(entries));
    else io.stdout.write(showHistory({ entries, now: new Date(), width }) + showRunning(status));
    return ExitCode.done;
  });
}

function newCommandLine() {
  const line = newCommand(
    'history',
    'Shows the reloads of a ConfigMap, newest first: revision, result, duration, pods, author and what changed.',
  )
    .argument('<name>', 'a ConfigMap')
    .addOption(flag('--limit <n>', 'how many at most', { parse: wholeNumber(1, 100), default: 20 }))
    .addOption(
      flag('-o, --output <format>', 'how to print it', { default: 'text', choices: ['text', 'wide', 'json', 'yaml'] }),
    );
  return addClusterFlags(line);
}

interface HistoryPage {
  readonly entries: readonly HistoryEntry[];
  readonly now: Date;
  /** Columns of the terminal; undefined: none to fit. */
  readonly width: number | undefined;
}

/** A line for each, and below it what changed or went wrong. */
export function showHistory({ entries, now, width }: HistoryPage): string {
  if (entries.length === 0) return 'no reload yet\n';
  const rows = entries.map((entry) => ({
    cells: [
      showNumber(entry.revision),
      showAge(entry.timestamp, now),
      entry.trigger,
      entry.result,
      formatDuration(entry.durationMs),
      showPods(entry),
      entry.author,
    ],
    details: entry.errorMessage === '' ? entry.changes.map(showChange) : [`${entry.reason}: ${entry.errorMessage}`],
  }));
  return showTable(['REVISION', 'AGE', 'TRIGGER', 'RESULT', 'TOOK', 'PODS', 'AUTHOR'], rows, width);
}

/** One line each, with all of it. */
function showWide(entries: readonly HistoryEntry[]): string {
  if (entries.length === 0) return 'no reload yet\n';
  const rows = entries.map((entry) => ({
    cells: [
      ...[showNumber(entry.revision), entry.timestamp, entry.trigger, entry.result, entry.reason],
      ...[formatDuration(entry.durationMs), showPods(entry), shortHash(entry.newHash), entry.author],
      entry.errorMessage || entry.changes.map(showChange).join(', '),
    ],
  }));
  const head = ['REVISION', 'TIME', 'TRIGGER', 'RESULT', 'REASON', 'TOOK', 'PODS', 'HASH', 'AUTHOR', 'CHANGES'];
  return showTable(head, rows);
}

function showRunning({ appliedRevision, lastKnownGood: { revision } }: ConfigReloadStatus): string {
  if (appliedRevision === 0) return '';
  return `revision ${appliedRevision} runs; ${revision === appliedRevision ? 'it' : `revision ${revision}`} is the last known good\n`;
}

const showNumber = (revision: number) => (revision === 0 ? '' : String(revision));
const showPods = ({ targets }: HistoryEntry) => `${targets.reloaded}/${targets.total}`;
const showChange = ({ path, from, to }: ConfigChange) => `${path} ${from ?? 'unset'} → ${to ?? 'unset'}`;
