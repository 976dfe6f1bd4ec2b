import { readFile, stat } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import type { Logger } from 'pino';

interface TlsFilesOptions {
  readonly certFile: string;
  readonly keyFile: string;
  /** How often the files are looked at, in milliseconds; default 10000. */
  readonly pollMs?: number;
  readonly logger: Logger;
}

export interface TlsPair {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** A certificate and its key in two files that are rotated: the last pair that fits together is used. */
export class TlsFiles {
  readonly #options: TlsFilesOptions;
  #current: TlsPair;
  #version: string;
  #timer: NodeJS.Timeout | undefined;

  private constructor(options: TlsFilesOptions, current: TlsPair, version: string) {
    this.#options = options;
    this.#current = current;
    this.#version = version;
  }

  /** @throws where a file is missing or certificate and key do not fit together. */
  static async load(options: TlsFilesOptions): Promise<TlsFiles> {
    const version = await readVersion(options);
    return new TlsFiles(options, await readPair(options), version);
  }

  get current(): TlsPair {
    return this.#current;
  }

  /** Calls `onChange` with each new pair until `close`. A pair in the middle of its rotation is tried again. */
  follow(onChange: (pair: TlsPair) => void): void {
    this.#timer = setInterval(() => void this.#look(onChange), this.#options.pollMs ?? 10_000);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #look(onChange: (pair: TlsPair) => void): Promise<void> {
    const { logger } = this.#options;
    try {
      const version = await readVersion(this.#options);
      if (version === this.#version) return;
      const pair = await readPair(this.#options);
      onChange(pair);
      this.#current = pair;
      this.#version = version;
      logger.info('the TLS certificate was replaced');
    } catch (error) {
      logger.warn({ err: error }, 'the new TLS certificate cannot be used yet; the old one stays');
    }
  }
}

async function readPair({ certFile, keyFile }: TlsFilesOptions): Promise<TlsPair> {
  const [cert, key] = await Promise.all([readFile(certFile), readFile(keyFile)]);
  createSecureContext({ cert, key }); // throws where they do not fit
  return { cert, key };
}

async function readVersion({ certFile, keyFile }: TlsFilesOptions): Promise<string> {
  const files = await Promise.all([certFile, keyFile].map((file) => stat(file, { bigint: true })));
  return files.map(({ dev, ino, size, mtimeNs }) => `${dev}:${ino}:${size}:${mtimeNs}`).join(' ');
}
