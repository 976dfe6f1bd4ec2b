import { Readable, Writable } from 'node:stream';
import { CommandError, type CliCommand } from '../../src/cli/command.ts';

export interface Captured {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface CaptureOptions {
  readonly stdin?: string | Uint8Array;
  readonly isTTY?: boolean;
  /** As by SIGINT. */
  readonly signal?: AbortSignal;
}

/** Runs a subcommand as main does, with what it prints caught. */
export async function captureCommand(
  command: CliCommand,
  argv: readonly string[],
  { stdin = '', isTTY = false, signal = new AbortController().signal }: CaptureOptions = {},
): Promise<Captured> {
  const stdout = catchText(isTTY);
  const stderr = catchText(isTTY);
  const io = { stdin: Readable.from([Buffer.from(stdin)]), stdout, stderr, signal };
  try {
    const exitCode = await command.run(argv, io);
    return { exitCode, stdout: stdout.caught(), stderr: stderr.caught() };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return { exitCode: error.exitCode, stdout: stdout.caught(), stderr: stderr.caught() + error.message };
  }
}

function catchText(isTTY: boolean) {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(Buffer.from(chunk));
      done();
    },
  });
  return Object.assign(stream, { isTTY, caught: () => Buffer.concat(chunks).toString() });
}
