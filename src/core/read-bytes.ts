import type { Finding } from './config-tree.ts';

/** Default and hard limit of a config text, in bytes. */
export const DEFAULT_MAX_BYTES = 65_536;
export const HARD_MAX_BYTES = 262_144;

export interface BytesRead {
  /** The text, or what can be read of it before the finding. */
  readonly text: string;
  readonly finding?: Finding;
}

/**
 * The text of the bytes, with its line ends as Python's text mode gives them (CRLF and CR become LF) and without a leading BOM.
 * Refuses what is too large, is not UTF-8 or has a NUL, naming the byte.
 */
export function readBytes(bytes: Uint8Array, maxBytes: number = DEFAULT_MAX_BYTES): BytesRead {
  const limit = Math.min(maxBytes, HARD_MAX_BYTES);
  if (bytes.length > limit) {
    return refuse('too-large', `the text has ${bytes.length} bytes; the limit is ${limit}`, '');
  }
  const broken = findInvalidUtf8(bytes);
  if (broken !== undefined) {
    const message = `the byte at offset ${broken} is not UTF-8; save the text as UTF-8`;
    return refuse('invalid-utf8', message, decode(bytes.subarray(0, broken)));
  }
  const nul = bytes.indexOf(0);
  if (nul >= 0) {
    return refuse('nul-byte', `the byte at offset ${nul} is NUL; a text has none`, decode(bytes.subarray(0, nul)));
  }
  return { text: decode(bytes) };
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/\r\n?/g, '\n');
}

function refuse(rule: Finding['rule'], message: string, text: string): BytesRead {
  return { text, finding: { path: '$', rule, message, at: text.length } };
}

/** Offset of the first byte that no valid UTF-8 has there: stray, cut off, overlong, surrogate or above U+10FFFF. */
function findInvalidUtf8(bytes: Uint8Array): number | undefined {
  let at = 0;
  while (at < bytes.length) {
    const first = bytes[at] ?? 0;
    if (first < 0x80) {
      at += 1;
      continue;
    }
    const length =
      first >= 0xc2 && first <= 0xdf ? 2 : first >= 0xe0 && first <= 0xef ? 3 : first >= 0xf0 && first <= 0xf4 ? 4 : 0;
    if (length === 0) return at;
    const second = bytes[at + 1] ?? 0;
    const lowest = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
    const highest = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
    if (second < lowest || second > highest) return at;
    for (let next = 2; next < length; next += 1) {
      if (((bytes[at + next] ?? 0) & 0xc0) !== 0x80) return at;
    }
    at += length;
  }
  return undefined;
}
