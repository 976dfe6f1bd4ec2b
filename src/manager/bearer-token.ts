import { createHash, timingSafeEqual } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';

/** A token is one line of printable ASCII without spaces; more than this is no token. */
const MOST_LENGTH = 4096;

/** A secret on one line of a file: read again whenever the file is another one. */
export class SecretFile {
  readonly #path: string;
  #version = '';
  #value: string | null = null;

  constructor(path: string) {
    this.#path = path;
  }

  /** The secret as it is now; null where the file is missing, empty or holds something else. */
  async read(): Promise<string | null> {
    try {
      const { dev, ino, size, mtimeNs, ctimeNs } = await stat(this.#path, { bigint: true });
      const version = `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`;
      if (version === this.#version) return this.#value;
      const text = size > BigInt(MOST_LENGTH) ? '' : (await readFile(this.#path, 'latin1')).trim();
      this.#value = /^[\x21-\x7e]+$/.test(text) ? text : null;
      // A file written a moment ago may be written again within the same tick of its clock.
      this.#version = Date.now() - Number(mtimeNs / 1_000_000n) > 50 ? version : '';
      return this.#value;
    } catch {
      this.#version = '';
      this.#value = null;
      return null;
    }
  }
}

/** Whether the `Authorization` header carries exactly this token; takes the same time wherever they differ, and whatever their lengths. */
export function isAuthorized(header: string | undefined, token: string): boolean {
  const given = /^Bearer +(?<token>[\x21-\x7e]+)$/i.exec(header ?? '')?.groups?.['token'] ?? '';
  return timingSafeEqual(digest(given), digest(token)) && given !== '';
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
