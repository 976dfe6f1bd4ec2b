#!/usr/bin/env -S node --max-semi-space-size=1
// V8 keeps the room for young objects that a start or a rush once took, up to 48 MB: with 1 MiB halves it does not (docs/benchmarks.md).
import { CommandError, ExitCode, type CliCommand, type Io } from './cli/command.ts';
import { programName } from './cli/program-name.ts';

/** Subcommand → its module: only the one that is asked for is loaded. */
const commands: Readonly<Record<string, { summary: string; load: () => Promise<{ default: CliCommand }> }>> = {
  controller: {
    summary: 'watch annotated ConfigMaps and reload the pods that use them',
    load: () => import('./cli/controller.ts'),
  },
  manager: { summary: 'reload one configuration file inside the pod', load: () => import('./cli/manager.ts') },
  validate: { summary: 'check LeIndex files and ConfigMap manifests', load: () => import('./cli/validate.ts') },
  diff: {
    summary: 'compare two configurations, or a ConfigMap with its last known good',
    load: () => import('./cli/diff.ts'),
  },
  status: { summary: 'show what a ConfigMap asks for and what its pods run', load: () => import('./cli/status.ts') },
  history: { summary: 'show the reloads of a ConfigMap', load: () => import('./cli/history.ts') },
  reload: { summary: 'reload the present text again', load: () => import('./cli/reload.ts') },
  rollback: { summary: 'go back to an earlier revision', load: () => import('./cli/rollback.ts') },
  pause: { summary: 'observe a ConfigMap only', load: () => import('./cli/pause.ts') },
  resume: { summary: 'end a pause', load: () => import('./cli/resume.ts') },
  crd: { summary: 'print the ConfigReload CustomResourceDefinition', load: () => import('./cli/crd.ts') },
};

process.exit(await main(process.argv.slice(2)));

async function main(argv: readonly string[]): Promise<ExitCode> {
  const [name, ...rest] = argv;
  const io = processIo();
  if (name === undefined || name === '-h' || name === '--help' || name === 'help') {
    (name === undefined ? io.stderr : io.stdout).write(usage());
    return name === undefined ? ExitCode.usage : ExitCode.done;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command) {
    io.stderr.write(`${programName}: "${name}" is no subcommand; there are: ${Object.keys(commands).join(', ')}\n`);
    return ExitCode.usage;
  }
  try {
    return await (await command.load()).default.run(rest, io);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    io.stderr.write(`${programName} ${name}: ${error.message}\n`);
    return error.exitCode;
  }
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
  const width = Math.max(...Object.keys(commands).map((name) => name.length));
  const lines = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`);
  return `${programName}: new configuration for running pods, proven, without a restart

Usage: ${programName} <command> [flags]

${lines.join('\n')}

Flags also come from the environment as LEINDEX_RELOADER_<FLAG>. Every command has --help.
Exit codes: 0 done, 1 invalid configuration or failed reload, 2 usage, 3 cannot reach or read.
`;
}
