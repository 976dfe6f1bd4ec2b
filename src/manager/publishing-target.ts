import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { TargetReason } from '../core/reasons.ts';
import { ReloadTargetError, type Candidate, type ReloadTarget } from './reload-target.ts';

/**
 * Writes each validated text to a file of its own, which the process reads instead of the watched one: so that not even a
 * change between validation and signal can show it a text that was not validated. Then hands over to the next target.
 */
export class PublishingTarget implements ReloadTarget {
  readonly readsFile = false;
  readonly #path: string;
  readonly #next: ReloadTarget;

  /** @param path where to write; replaced through a rename, so that a reader sees the old text or the new one. */
  constructor(path: string, next: ReloadTarget) {
    this.#path = path;
    this.#next = next;
  }

  async apply(candidate: Candidate, signal: AbortSignal): Promise<TargetReason> {
    await this.#write(candidate.bytes);
    return this.#next.apply(candidate, signal);
  }

  async #write(bytes: Uint8Array): Promise<void> {
    const folder = dirname(this.#path);
    const temporary = join(folder, `.${basename(this.#path)}.${randomBytes(6).toString('hex')}`);
    try {
      const file = await open(temporary, 'wx', 0o600);
      try {
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, this.#path);
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => undefined);
      const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
      throw new ReloadTargetError(
        'PublishFailed',
        `${this.#path} could not be written (${code}); it holds what it held`,
        { cause: error },
      );
    }
  }
}
