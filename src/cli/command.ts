import type { Readable, Writable } from 'node:stream';
import type { Command } from 'commander';

/** A terminal says its size, and has the event `resize`. */
export type Output = Writable & { isTTY?: boolean; columns?: number; rows?: number };

/** What a subcommand may touch of the outside: given by main, replaced in tests. */
export interface Io {
  readonly stdin: Readable;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Aborts on SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
}

/** Exit codes of the contract, section 6. */
export const ExitCode = { done: 0, invalid: 1, usage: 2, unreachable: 3 } as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** One file in `cli/` a subcommand, with this as its default export. `argv` is what follows the subcommand's name. */
export interface CliCommand {
  /** Its flags and arguments: what `--help`, completion and `docs/cli-reference.md` are made of. */
  describe(): Command;
  run(argv: readonly string[], io: Io): Promise<ExitCode>;
}

/** A failure that a person reads: one message, one exit code. Thrown anywhere in `cli/`, shown by main without a stack. */
export class CommandError extends Error {
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CommandError';
    this.exitCode = exitCode;
  }
}
