import { constants, type Stats } from 'node:fs';
import { lstat, mkdir, open, rename, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Logger } from 'pino';
import type { ReloadEvent } from '../core/reload-event.ts';
import { readEventLine, writeEventLine } from './event-line.ts';
import { replaceFile } from './replace-file.ts';

interface HistoryFileOptions {
  readonly path: string;
  /** Events kept. */
  readonly limit: number;
  readonly logger: Logger;
}

/** A file larger than this is no history of ours: it is set aside instead of read. */
const MOST_BYTES = 64 * 1024 * 1024;

/** Does not wait for the other end of a FIFO, and does not go where a link at the file's own name leads. */
const SAFELY = constants.O_NONBLOCK | constants.O_NOFOLLOW | constants.O_NOCTTY;

/**
 * Events kept across restarts: JSON lines, appended and synced; a torn or foreign line is skipped; rewritten through a rename
 * when it holds twice the limit. A disk that fails (ENOSPC, EROFS, EACCES) costs the record on disk, never a reload. Only a
 * regular file is read, written or replaced.
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

  /** Never rejects: what cannot be read counts as empty, is logged, and a regular file is kept beside, as `PATH.aside`. */
  static async open(options: HistoryFileOptions): Promise<HistoryFile> {
    const { path, logger } = options;
    try {
      return new HistoryFile(options, parse(await readWhole(path)));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new HistoryFile(options, NOTHING);
      const isAside = await setAside(path);
      logger.warn({ err: error, path, isAside }, 'the history file cannot be read');
      return new HistoryFile(options, { ...NOTHING, isWhole: isAside });
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
    await this.#settle();
    // What was under way may just have failed: no later event tries again.
    if (this.#mustRewrite) this.#write();
    await this.#settle();
  }

  async #settle(): Promise<void> {
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
    const { O_WRONLY, O_APPEND, O_CREAT } = constants;
    const file = await open(this.#options.path, O_WRONLY | O_APPEND | O_CREAT | SAFELY, 0o600);
    try {
      mustBeFile(await file.stat());
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
    const events = [...this.#kept];
    this.#mustRewrite = false;
    await mkdir(dirname(path), { recursive: true });
    const present = await lstatIfThere(path);
    if (present) mustBeFile(present);
    await replaceFile(path, events.map(writeEventLine).join(''));
    await syncFolder(dirname(path));
    this.#lines = events.length;
  }
}

const NOTHING = Object.freeze({ events: [], lines: 0, isWhole: true });

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

/** @throws where it is no regular file, or too large. */
async function readWhole(path: string): Promise<Buffer> {
  const file = await open(path, constants.O_RDONLY | SAFELY);
  try {
    const found = await file.stat();
    mustBeFile(found);
    if (found.size > MOST_BYTES) throw new Error(`larger than ${MOST_BYTES} bytes`);
    const chunks: Buffer[] = [];
    // One that grows meanwhile is cut here, in a line that then counts as torn.
    for await (const chunk of file.createReadStream({ end: MOST_BYTES - 1, autoClose: false })) {
      chunks.push(chunk as Buffer);
    }
    return Buffer.concat(chunks);
  } finally {
    await file.close();
  }
}

function mustBeFile(found: Stats): void {
  if (!found.isFile()) throw Object.assign(new Error('not a regular file'), { code: 'ENOTAFILE' });
}

async function lstatIfThere(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Whether the name is free now. Links, FIFOs and devices are somebody's: they stay where they are. */
async function setAside(path: string): Promise<boolean> {
  try {
    mustBeFile(await lstat(path));
    await rename(path, `${path}.aside`);
    return true;
  } catch {
    return false;
  }
}

function parse(content: Buffer): { events: ReloadEvent[]; lines: number; isWhole: boolean } {
  const lines = content.toString('utf8').split('\n');
  const rest = lines.pop();
  const events = lines.map(readEventLine).filter((event) => event !== null);
  return { events, lines: lines.length, isWhole: rest === '' && events.length === lines.length };
}
