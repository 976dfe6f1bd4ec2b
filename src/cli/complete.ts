import type { Command } from 'commander';
import { CommandError, ExitCode, type CliCommand, type Io } from './command.ts';
import { COMPLETE, commands, shownCommands } from './commands.ts';
import type { Candidate, NameKind } from './complete-names.ts';
import { findSlot, type Slot, type ValuePlace } from './find-slot.ts';
import { newCommand } from './settings.ts';

/** What the shell does beside offering the candidates; cobra's numbers, which kubectl reads too. */
const Directive = { files: 0, noFiles: 4, noFilesKeepOrder: 36 } as const;
type Directive = (typeof Directive)[keyof typeof Directive];

interface Completion {
  readonly candidates: readonly Candidate[];
  readonly directive: Directive;
}

const NOTHING: Completion = { candidates: [], directive: Directive.noFiles };

const command: CliCommand = {
  describe: () => newCommand(COMPLETE, 'Completes the last of the words.').argument('[word...]', 'what is typed'),
  run,
};
export default command;

/** `__complete WORD…`: a line for each candidate of the last word, `CANDIDATE<tab>DESCRIPTION`, then `:DIRECTIVE`. */
async function run(argv: readonly string[], io: Io): Promise<ExitCode> {
  const { candidates, directive } = await complete(argv, io);
  const typed = argv.at(-1) ?? '';
  const lines = candidates
    .filter(({ word }) => word.startsWith(typed))
    .map(({ word, about }) => (about === '' ? word : `${word}\t${about}`));
  io.stdout.write([...lines, `:${directive}\n`].join('\n'));
  return ExitCode.done;
}

async function complete(words: readonly string[], io: Io): Promise<Completion> {
  if (words.length < 2) {
    const verbs = shownCommands.map(([word, { summary: about }]) => ({ word, about }));
    return { candidates: verbs, directive: Directive.noFiles };
  }
  const [name = '', ...rest] = words;
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!entry || entry.isHidden) return NOTHING;
  const line = (await entry.load()).default.describe();
  const slot = findSlot(line, rest);
  if (slot.wanted === undefined) return NOTHING;
  if (slot.wanted === 'flag') return { candidates: flagsOf(line, slot), directive: Directive.noFiles };
  return completeValue(slot, slot.wanted, io);
}

function flagsOf(line: Command, { used }: Slot): Candidate[] {
  const flags = line.options.map(({ long, short, description }) => ({ word: long ?? short ?? '', about: description }));
  return [...flags, { word: '--help', about: 'show this help' }].filter(({ word }) => !used.includes(word));
}

async function completeValue(slot: Slot, place: ValuePlace, io: Io): Promise<Completion> {
  const { choices, before } = place;
  if (choices) {
    return { candidates: choices.map((word) => ({ word: before + word, about: '' })), directive: Directive.noFiles };
  }
  const kind = kindOf(place);
  const directive = place.placeholder.includes('file')
    ? Directive.files
    : kind === 'revisions'
      ? Directive.noFilesKeepOrder
      : Directive.noFiles;
  if (kind === undefined) return { candidates: [], directive };
  const { listNames } = await import('./complete-names.ts');
  try {
    const names = await listNames(kind, { given: slot.given, source: slot.args[0], io });
    const fresh = names.filter(({ word }) => place.flag !== undefined || !slot.args.includes(word));
    return { candidates: fresh.map(({ word, about }) => ({ word: before + word, about })), directive };
  } catch (error) {
    // No cluster, no permission, too slow: completion has nothing to say, and no place to say it.
    if (!(error instanceof CommandError)) throw error;
    return { candidates: [], directive };
  }
}

/** Which names of the cluster can stand there. */
function kindOf({ flag, placeholder }: ValuePlace): NameKind | undefined {
  if (flag === '--namespace' || flag === '--leader-elect-namespace') return 'namespaces';
  if (flag === '--context') return 'contexts';
  if (placeholder === 'revision') return 'revisions';
  return flag === undefined && placeholder.includes('name') ? 'sources' : undefined;
}
