/** A watch line longer than this is a broken stream: the API server's own objects end at about 1.5 MiB. */
export const LONGEST_LINE_BYTES = 4 * 1024 * 1024;

const NEWLINE = 0x0a;

/** A stream of lines that cannot be trusted further: too long, not UTF-8, or ended in the middle of a line. */
export class BrokenLineError extends Error {
  override readonly name = 'BrokenLineError';
  readonly code = 'ERR_BROKEN_LINE';
}

/**
 * Lines of a byte stream, without their newline; empty ones are left out. Characters may be split between chunks.
 * Holds at most `maxBytes` of an unfinished line.
 *
 * @throws BrokenLineError on a line above `maxBytes`, on bytes that are not UTF-8, and on an end without a newline
 */
export async function* readLines(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes = LONGEST_LINE_BYTES,
): AsyncGenerator<string, void> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let pieces: Uint8Array[] = [];
  let held = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      const tail = chunk.subarray(start, end);
      start = end + 1;
      if (held + tail.length > maxBytes) throw tooLong(maxBytes);
      if (held + tail.length > 0) yield decode(decoder, held === 0 ? tail : Buffer.concat([...pieces, tail]));
      pieces = [];
      held = 0;
    }
    if (start === chunk.length) continue;
    held += chunk.length - start;
    if (held > maxBytes) throw tooLong(maxBytes);
    pieces.push(chunk.subarray(start));
  }
  if (held > 0) throw new BrokenLineError(`the stream ended in the middle of a line, after ${held} bytes of it`);
}

function decode(decoder: InstanceType<typeof TextDecoder>, bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new BrokenLineError('a line is not valid UTF-8', { cause });
  }
}

function tooLong(maxBytes: number): BrokenLineError {
  return new BrokenLineError(`a line is longer than ${maxBytes} bytes`);
}
