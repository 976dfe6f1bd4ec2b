import { open } from 'node:fs/promises';
import { addAbortSignal } from 'node:stream';
import { printable } from '../core/printable.ts';
import { CommandError, ExitCode, type Io } from './command.ts';

/** More than any manifest of ConfigMaps that a person keeps in a file. */
const MOST_BYTES = 16 * 1024 * 1024;

/** More than a path can have. */
const MOST_CHARACTERS = 8192;

/** The bytes of a file, or of standard input for `-`. @throws CommandError (3) where it cannot be read or has more than 16 MiB. */
export async function readInput(file: string, { stdin, signal }: Io): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    const handle = file === '-' ? undefined : await open(file);
    for await (const chunk of addAbortSignal(signal, handle?.createReadStream() ?? stdin)) {
      const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : (chunk as Uint8Array);
      size += bytes.length;
      if (size > MOST_BYTES) throw new Error(`it has more than ${MOST_BYTES} bytes`);
      chunks.push(bytes);
    }
  } catch (error) {
    const why = printable(error instanceof Error ? error.message : String(error), MOST_CHARACTERS);
    throw new CommandError(`cannot read ${nameInput(file)}: ${why}`, ExitCode.unreachable, { cause: error });
  }
  return Buffer.concat(chunks);
}

/** How an input is called in messages: a file's name is foreign text, too. */
export function nameInput(file: string): string {
  return file === '-' ? 'standard input' : printable(file, MOST_CHARACTERS);
}
