import { createHash } from 'node:crypto';

/** `sha256:<64 lower-case hex digits>` of exactly these bytes (text counts as its UTF-8 bytes). */
export function contentHash(content: string | Uint8Array): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

/** Whether a word has the form `contentHash` gives. */
export function isContentHash(word: string): boolean {
  return /^sha256:[0-9a-f]{64}$/.test(word);
}

/** The first twelve digits, for people. */
export function shortHash(hash: string): string {
  return hash.replace(/^sha256:/, '').slice(0, 12);
}
