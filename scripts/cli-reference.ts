import type { Command, Option } from 'commander';
import { shownCommands } from '../src/cli/commands.ts';
import { escapeCell } from './escape-cell.ts';

/** `docs/cli-reference.md`: every subcommand with its arguments and flags, from what `--help` and completion are made of. */
export async function cliReference(): Promise<string> {
  const sections = await Promise.all(
    shownCommands.map(async ([name, { load }]) => showCommand((await load()).default.describe(), name)),
  );
  return `<!-- Generated from src/cli/commands.ts by \`npm run generate\`; do not edit. -->

# Command line reference

How the commands are used is told in [cli.md](cli.md). Every flag also comes from the environment: \`--token-file\` from
\`LEINDEX_RELOADER_TOKEN_FILE\`; the command line goes first. Exit codes: 0 done, 1 invalid configuration or failed reload, 2
usage, 3 cannot reach or read.

${sections.join('\n')}`;
}

function showCommand(line: Command, name: string): string {
  const args = line.registeredArguments;
  const usage = args.map((argument) => {
    const inner = `${argument.name()}${argument.variadic ? '...' : ''}`;
    return argument.required ? `<${inner}>` : `[${inner}]`;
  });
  const head = ['leindex-reloader', name, ...usage, '[flags]'].join(' ');
  const argRows = args.map((argument) => {
    const { description, argChoices } = argument;
    return `| \`${escape(argument.name())}\` | ${escape(description)}${showChoices(argChoices)} |`;
  });
  const argTable = argRows.length === 0 ? '' : `\n| argument | |\n|---|---|\n${argRows.join('\n')}\n`;
  const flagRows = line.options.map(showFlag);
  const flagTable = flagRows.length === 0 ? '' : `\n| flag | does | default |\n|---|---|---|\n${flagRows.join('\n')}\n`;
  return `## ${name}\n\n\`\`\`\n${head}\n\`\`\`\n\n${line.description()}\n${argTable}${flagTable}`;
}

function showFlag({ flags, description, argChoices, defaultValueDescription, mandatory }: Option): string {
  const standard = mandatory ? 'must be given' : (defaultValueDescription ?? '');
  return `| \`${escapeCell(flags)}\` | ${escape(description)}${showChoices(argChoices)} | ${escape(standard)} |`;
}

function showChoices(choices: readonly string[] | undefined): string {
  return choices ? `: ${choices.map((one) => `\`${one}\``).join(' ')}` : '';
}

function escape(text: string): string {
  return escapeCell(text)
    .replaceAll('<', '&lt;')
    .replace(/`[^`]*`/g, (code) => code.replaceAll('&lt;', '<'));
}
