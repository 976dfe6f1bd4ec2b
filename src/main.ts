#!/usr/bin/env -S node --disable-sigusr1 --max-semi-space-size=1 --optimize-for-size
// V8 keeps the room for young objects that a start or a rush once took, up to 48 MB: with 1 MiB halves it does not (docs/benchmarks.md).
// Node opens its debugger at SIGUSR1, for all who share the pod's network, and so would seem to catch the signal as if to reload.
import { CommandError, ExitCode, type Io } from './cli/command.ts';
import { COMPLETE, commands, shownCommands } from './cli/commands.ts';
import { isCompletionHook, programName } from './cli/program-name.ts';
import { printable } from './core/printable.ts';

process.exit(await main([...(isCompletionHook ? [COMPLETE] : []), ...process.argv.slice(2)]));

async function main(argv: readonly string[]): Promise<ExitCode> {
  const [name, ...rest] = argv;
  const io = processIo();
  if (name === undefined || name === '-h' || name === '--help' || name === 'help') {
    (name === undefined ? io.stderr : io.stdout).write(usage());
    return name === undefined ? ExitCode.usage : ExitCode.done;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command) {
    io.stderr.write(
      `${programName}: "${printable(name, 64)}" is no subcommand; there are: ${shownCommands.map(([one]) => one).join(', ')}\n`,
    );
    return ExitCode.usage;
  }
  try {
    return await (await command.load()).default.run(rest, io);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    io.stderr.write(`${programName} ${name}: ${fitForTerminal(error.message)}\n`);
    return error.exitCode;
  }
}

/** A message may hold words of the command line, or of a file. Its lines are its own. */
function fitForTerminal(message: string): string {
  return message
    .split('\n')
    .map((line) => printable(line, line.length))
    .join('\n');
}

/** SIGINT and SIGTERM abort `io.signal`; a second one leaves at once. */
function processIo(): Io {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (stop.signal.aborted) process.exit(signal === 'SIGINT' ? 130 : 143);
      stop.abort(signal);
    });
  }
  return { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr, signal: stop.signal };
}

function usage(): string {
  const width = Math.max(...shownCommands.map(([name]) => name.length));
  const lines = shownCommands.map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`);
  return `${programName}: new configuration for running pods, proven, without a restart

Usage: ${programName} <command> [flags]

${lines.join('\n')}

Flags also come from the environment as LEINDEX_RELOADER_<FLAG>. Every command has --help.
Exit codes: 0 done, 1 invalid configuration or failed reload, 2 usage, 3 cannot reach or read.
`;
}
