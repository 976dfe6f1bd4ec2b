import type { TargetReason } from '../core/reasons.ts';
import { ReloadTargetError, type Candidate, type ReloadTarget } from './reload-target.ts';
import { replaceFile } from './replace-file.ts';

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
    try {
      await replaceFile(this.#path, bytes);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
      throw new ReloadTargetError(
        'PublishFailed',
        `${this.#path} could not be written (${code}); it holds what it held`,
        { cause: error },
      );
    }
  }
}
