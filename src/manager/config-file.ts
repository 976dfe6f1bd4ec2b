import { constants } from 'node:fs';
import { open, realpath, type FileHandle } from 'node:fs/promises';
import { sleepQuietly } from './sleep-quietly.ts';
import { contentHash } from '../core/content-hash.ts';

/** What a look at the file found. Only `text` may be validated; the rest says why there is none. */
export type FileRead =
  | { readonly kind: 'text'; readonly bytes: Uint8Array; readonly hash: string }
  | {
      readonly kind: 'failed';
      readonly reason: 'FileMissing' | 'FileUnreadable' | 'NotAFile' | 'FileUnstable' | 'ConfigTooLarge' | 'Aborted';
      /** One line for people, with the path and what would be right. */
      readonly message: string;
    };

export interface ReadConfigFileOptions {
  readonly path: string;
  /** Largest text in bytes. */
  readonly maxBytes: number;
  /** A file written in place must have been left alone this long, in milliseconds; default 50. Does not apply to `..data` mounts. */
  readonly quietMs?: number;
  /** How long to try for a read in which nothing moved, in milliseconds; default 2000. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
}

const QUIET_MS = 50;
const CUT_MS = 2;

type Attempt = FileRead | 'moved';

/**
 * Reads the whole file in a moment in which it did not change: never a prefix of what a writer is still writing, never a
 * mix of two generations of a ConfigMap volume. Does not block on a FIFO and does not read devices. Never throws.
 */
export async function readConfigFile(options: ReadConfigFileOptions): Promise<FileRead> {
  const { path, deadlineMs = 2000, signal } = options;
  const end = performance.now() + deadlineMs;
  let missing: FileRead | undefined;
  for (let wait = 2; ; wait = Math.min(wait * 2, 50)) {
    if (signal?.aborted) return failed('Aborted', `reading ${path} was cancelled`);
    const attempt = await readOnce(options, end);
    if (attempt !== 'moved') {
      // Between two steps of a volume's swap the name may lead nowhere for a moment: believe only the second look.
      if (attempt.kind === 'text' || attempt.reason !== 'FileMissing' || missing) return attempt;
      missing = attempt;
    } else if (performance.now() >= end) {
      return failed(
        'FileUnstable',
        `${path} kept changing for ${deadlineMs} ms while it was read; write to a new file and rename it`,
      );
    }
    await sleepQuietly(wait, signal);
  }
}

async function readOnce(options: ReadConfigFileOptions, end: number): Promise<Attempt> {
  const { path, maxBytes } = options;
  let file: FileHandle | undefined;
  try {
    // Resolved once: from here on a swap of `..data` cannot lead half of the read elsewhere.
    const resolved = await realpath(path);
    file = await open(resolved, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    const before = await file.stat({ bigint: true });
    if (!before.isFile()) {
      const kind = before.isDirectory() ? 'a directory' : before.isFIFO() ? 'a FIFO' : 'a device or socket';
      return failed('NotAFile', `${path} is ${kind}; name the configuration file itself`);
    }
    if (before.size > BigInt(maxBytes)) return tooLarge(path, maxBytes);
    const isWrittenInPlace = !resolved.includes('/..');
    if (isWrittenInPlace && !(await isQuiet(Number(before.mtimeMs), options, end))) return 'moved';
    const bytes = await readUpTo(file, maxBytes + 1);
    if (bytes.length > maxBytes) return tooLarge(path, maxBytes);
    // A file that is being cut shows its new size for a moment before its new time: an empty one is looked at again much later.
    if (isWrittenInPlace)
      await sleepQuietly(bytes.length === 0 ? (options.quietMs ?? QUIET_MS) : CUT_MS, options.signal);
    const after = await file.stat({ bigint: true });
    const isSame = before.mtimeNs === after.mtimeNs && before.ctimeNs === after.ctimeNs && before.size === after.size;
    // `size` is 0 for files of a virtual file system, which have no size to compare with.
    if (!isSame || (before.size !== BigInt(bytes.length) && before.size !== 0n)) return 'moved';
    return { kind: 'text', bytes, hash: contentHash(bytes) };
  } catch (error) {
    return explain(path, error);
  } finally {
    await file?.close().catch(() => undefined);
  }
}

/** Whether the last write is old enough to be the last; where it is not, waits until it could be. */
async function isQuiet(
  mtimeMs: number,
  { quietMs = QUIET_MS, signal }: ReadConfigFileOptions,
  end: number,
): Promise<boolean> {
  const age = Date.now() - mtimeMs;
  // A time in the future is another machine's clock: the comparison of before and after has to do.
  if (age >= quietMs || age < -1000) return true;
  const left = Math.min(quietMs - Math.max(age, 0) + 1, end - performance.now());
  if (left > 0) await sleepQuietly(left, signal);
  return false;
}

async function readUpTo(file: FileHandle, most: number): Promise<Uint8Array> {
  const buffer = Buffer.allocUnsafe(most);
  let length = 0;
  while (length < most) {
    const { bytesRead } = await file.read(buffer, length, most - length, length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return Uint8Array.prototype.slice.call(buffer, 0, length);
}

function explain(path: string, error: unknown): Attempt {
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
  if (code === 'ENOENT' || code === 'ENOTDIR') return failed('FileMissing', `${path} does not exist`);
  if (code === 'ESTALE') return 'moved';
  if (code === 'EISDIR') return failed('NotAFile', `${path} is a directory; name the configuration file itself`);
  if (code === 'ENXIO') return failed('NotAFile', `${path} is a device or socket; name the configuration file itself`);
  if (code === 'ELOOP') return failed('FileUnreadable', `${path} leads into a loop of symbolic links (ELOOP)`);
  return failed('FileUnreadable', `${path} cannot be read: ${code}`);
}

function tooLarge(path: string, maxBytes: number): FileRead {
  return failed('ConfigTooLarge', `${path} is larger than ${maxBytes} bytes`);
}

function failed(reason: Extract<FileRead, { kind: 'failed' }>['reason'], message: string): FileRead {
  return { kind: 'failed', reason, message };
}
