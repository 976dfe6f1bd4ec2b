import type { Command, Option } from 'commander';

/** What can stand where the cursor is. */
export interface ValuePlace {
  /** Of the flag, as in `--output`; undefined: an argument. */
  readonly flag: string | undefined;
  /** What help calls it: `revision` of `--to <revision>`. */
  readonly placeholder: string;
  readonly description: string;
  readonly choices: readonly string[] | undefined;
  /** What stands in the same word before the value: `--output=`. */
  readonly before: string;
}

export interface Slot {
  /** `flag`: the name of one; undefined: nothing can stand here. */
  readonly wanted: 'flag' | ValuePlace | undefined;
  /** Flags with a value that stand before the cursor, by their long name. */
  readonly given: Readonly<Record<string, string>>;
  /** Long names of all flags that stand before it. */
  readonly used: readonly string[];
  readonly args: readonly string[];
}

/** What the last of these words, which follow the subcommand, is to become. Pure. */
export function findSlot(line: Command, words: readonly string[]): Slot {
  const given: Record<string, string> = {};
  const used: string[] = [];
  const args: string[] = [];
  let open: Option | undefined;
  let areFlagsOver = false;
  for (const word of words.slice(0, -1)) {
    if (open) {
      given[nameOf(open)] = word;
      open = undefined;
    } else if (areFlagsOver || !word.startsWith('-') || word === '-') args.push(word);
    else if (word === '--') areFlagsOver = true;
    else {
      const { option, value } = readFlag(line, word);
      if (!option) continue;
      used.push(nameOf(option));
      if (!option.required) continue;
      if (value === undefined) open = option;
      else given[nameOf(option)] = value;
    }
  }
  const last = words.at(-1) ?? '';
  const known = { given, used, args };
  if (open) return { wanted: placeOf(open, ''), ...known };
  if (areFlagsOver || !last.startsWith('-') || last === '-') return { wanted: argumentAt(line, args.length), ...known };
  const { option, value } = readFlag(line, last);
  if (value === undefined) return { wanted: 'flag', ...known };
  const before = last.slice(0, last.length - value.length);
  return { wanted: option?.required ? placeOf(option, before) : undefined, ...known };
}

/** `--flag`, `--flag=value`, `-f`, `-fvalue`. */
function readFlag(line: Command, word: string): { option: Option | undefined; value: string | undefined } {
  const isLong = word.startsWith('--');
  const at = isLong ? word.indexOf('=') : word.length > 2 ? 2 : -1;
  const name = at < 0 ? word : word.slice(0, at);
  const option = line.options.find(({ long, short }) => (isLong ? long : short) === name);
  return { option, value: at < 0 ? undefined : word.slice(isLong ? at + 1 : at) };
}

function argumentAt(line: Command, index: number): ValuePlace | undefined {
  const declared = line.registeredArguments;
  const argument = declared[index] ?? declared.findLast(({ variadic }) => variadic);
  if (!argument) return undefined;
  const { description, argChoices } = argument;
  return { flag: undefined, placeholder: argument.name(), description, choices: argChoices, before: '' };
}

function placeOf(option: Option, before: string): ValuePlace {
  const { flags, description, argChoices } = option;
  const placeholder = /<([^>.]+)/.exec(flags)?.[1] ?? '';
  return { flag: nameOf(option), placeholder, description, choices: argChoices, before };
}

function nameOf({ long, short }: Option): string {
  return long ?? short ?? '';
}
