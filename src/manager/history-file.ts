import { mkdir, open, readFile, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Logger } from 'pino';
import type { ReloadEvent } from '../core/reload-event.ts';
import { readEventLine, writeEventLine } from './event-line.ts';

interface HistoryFileOptions {
  readonly path: string;
  /** Events kept. */
  readonly limit: number;
  readonly logger: Logger;
}

/** A file larger than this is no history of ours: it is set aside instead of read. */
const MOST_BYTES = 64 * 1024 * 1024;

/**
 * Events kept across restarts: JSON lines, appended and synced; a torn or foreign line is skipped; rewritten through a rename
 * when it holds twice the limit. A disk that fails (ENOSPC, EROFS, EACCES) costs the record on disk, never a reload.
 */
export class HistoryFile {
  /** What the file held when it was opened, oldest first. */
  readonly earlier: readonly ReloadEvent[];
  readonly #options: HistoryFileOptions;
  /** Everything kept, oldest first: what a rewrite writes. */
  #kept: ReloadEvent[];
  #waiting: string[] = [];
  #lines: number;
  /** The file may end in half a line, or hold what was cleared: the next write replaces it. */
  #mustRewrite: boolean;
  #writing: Promise<void> | undefined;
  #isFailing = false;

  private constructor(options: HistoryFileOptions, found: { events: ReloadEvent[]; lines: number; isWhole: boolean }) {
    this.#options = options;
    this.earlier = Object.freeze(found.events.slice(-options.limit));
    this.#kept = [...this.earlier];
    this.#lines = found.lines;
    this.#mustRewrite = !found.isWhole;
  }

  /** Never rejects: what cannot be read counts as empty and is logged. */
  static async open(options: HistoryFileOptions): Promise<HistoryFile> {
    const { path, logger } = options;
    try {
      const content = await readFile(path);
      if (content.length > MOST_BYTES) throw new Error(`larger than ${MOST_BYTES} bytes`);
      return new HistoryFile(options, parse(content));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        logger.warn({ err: error, path }, 'the history file cannot be read');
      return new HistoryFile(options, { events: [], lines: 0, isWhole: true });
    }
  }

  /** Takes note at once and writes in the background. */
  append(event: ReloadEvent): void {
    const { limit } = this.#options;
    this.#kept.push(event);
    if (this.#kept.length > limit) this.#kept.shift();
    this.#waiting.push(writeEventLine(event));
    this.#write();
  }

  clear(): void {
    this.#kept = [];
    this.#waiting = [];
    this.#mustRewrite = true;
    this.#write();
  }

  /** Resolves when everything is on disk, or could not be put there. */
  async close(): Promise<void> {
    while (this.#writing) await this.#writing;
    // What was under way may just have failed: no later event tries again.
    if (this.#mustRewrite) this.#write();
    while (this.#writing) await this.#writing;
  }

  #write(): void {
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
    });
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0 || this.#mustRewrite) {
      const lines = this.#waiting;
      this.#waiting = [];
      try {
        if (this.#mustRewrite || this.#lines + lines.length > this.#options.limit * 2) await this.#rewrite();
        else await this.#appendLines(lines);
        if (this.#isFailing) this.#options.logger.info({ path: this.#options.path }, 'the history is on disk again');
        this.#isFailing = false;
      } catch (error) {
        // Half a line may be there. The next event tries again with all that is kept.
        this.#mustRewrite = true;
        const { code } = error as NodeJS.ErrnoException;
        if (!this.#isFailing)
          this.#options.logger.warn({ path: this.#options.path, code }, 'the history cannot be written');
        this.#isFailing = true;
        return;
      }
    }
  }

  async #appendLines(lines: readonly string[]): Promise<void> {
    const file = await open(this.#options.path, 'a', 0o600);
    try {
      await file.appendFile(lines.join(''));
      await file.datasync();
    } finally {
      await file.close();
    }
    if (this.#lines === 0) await syncFolder(dirname(this.#options.path));
    this.#lines += lines.length;
  }

  async #rewrite(): Promise<void> {
    const { path } = this.#options;
    const temporary = `${path}.tmp`;
    const events = [...this.#kept];
    this.#mustRewrite = false;
    await mkdir(dirname(path), { recursive: true });
    try {
      const file = await open(temporary, 'w', 0o600);
      try {
        await file.writeFile(events.map(writeEventLine).join(''));
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => undefined);
      throw error;
    }
    await syncFolder(dirname(path));
    this.#lines = events.length;
  }
}

/** A rename lasts through a power cut only when its folder is synced. */
async function syncFolder(folder: string): Promise<void> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(folder, 'r');
    await handle.sync();
  } finally {
    await handle?.close();
  }
}

function parse(content: Buffer): { events: ReloadEvent[]; lines: number; isWhole: boolean } {
  const lines = content.toString('utf8').split('\n');
  const rest = lines.pop();
  const events = lines.map(readEventLine).filter((event) => event !== null);
  return { events, lines: lines.length, isWhole: rest === '' && events.length === lines.length };
}
