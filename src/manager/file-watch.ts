import { watch, type FSWatcher } from 'node:fs';
import { readlink, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join } from 'node:path';
import type { Logger } from 'pino';

export interface FileWatchOptions {
  /** Absolute. */
  readonly path: string;
  /** How long the folder must be quiet before `onChange`, in milliseconds; a folder that is never quiet is reported every ten times this. */
  readonly debounceMs: number;
  /** How often `onChange` is called whether or not the system told anything, in milliseconds. */
  readonly pollMs: number;
  readonly logger: Logger;
  /** The file may have changed: look at it. */
  readonly onChange: () => void;
}

export interface FileWatch {
  close(): void;
}

/** More links than this in a row are a loop. */
const MOST_LINKS = 16;

/**
 * Watches the folders through which the file's name leads, not the file: a watch on the file dies with the first rename.
 * Sees `..data` swaps, rename-and-replace, deletion and return, and a folder that is replaced. The poll is the net for what
 * the system does not tell: a full event queue, no watch left, a network file system.
 */
export function watchFile(options: FileWatchOptions): FileWatch {
  const { path, debounceMs, pollMs, logger, onChange } = options;
  const watched = new Map<string, { watcher: FSWatcher; identity: string }>();
  let isClosed = false;
  let debounce: NodeJS.Timeout | undefined;
  let firstEventAt = 0;
  let rearming: Promise<void> | undefined;
  let mustRearmAgain = false;
  let hasWarned = false;

  const report = () => {
    firstEventAt = 0;
    if (isClosed) return;
    rearm();
    onChange();
  };

  const onEvent = () => {
    if (isClosed) return;
    const now = performance.now();
    firstEventAt ||= now;
    clearTimeout(debounce);
    debounce = setTimeout(report, Math.max(0, Math.min(debounceMs, firstEventAt + debounceMs * 10 - now)));
  };

  /** Brings the watches to the folders the name leads through now. One run at a time; a change meanwhile causes one more. */
  const rearm = () => {
    if (rearming) {
      mustRearmAgain = true;
      return;
    }
    rearming = rearmOnce().finally(() => {
      rearming = undefined;
      if (!mustRearmAgain || isClosed) return;
      mustRearmAgain = false;
      rearm();
    });
  };

  const rearmOnce = async () => {
    const wanted = await foldersOf(path);
    if (isClosed) return;
    for (const [folder, { watcher, identity }] of watched) {
      if (wanted.get(folder)?.identity === identity) continue;
      watcher.close();
      watched.delete(folder);
    }
    let hasNew = false;
    for (const [folder, { identity, names }] of wanted) {
      if (watched.has(folder)) continue;
      try {
        const watcher = watch(folder, { persistent: false }, (_type, name) => {
          if (names === null || name === null || names.has(name)) onEvent();
        });
        watcher.on('error', (error) => {
          warn(error, folder);
          watcher.close();
          watched.delete(folder);
        });
        watched.set(folder, { watcher, identity });
        hasNew = true;
      } catch (error) {
        warn(error, folder);
      }
    }
    // What happened between the look at the folder and its watch was told to nobody.
    if (hasNew) onEvent();
  };

  const warn = (error: unknown, folder: string) => {
    const { code } = error as NodeJS.ErrnoException;
    if (hasWarned || code === 'ENOENT') return;
    hasWarned = true;
    logger.warn({ folder, code }, `the folder cannot be watched; changes are seen by polling every ${pollMs} ms`);
  };

  const poll = setInterval(report, pollMs);
  poll.unref();
  rearm();
  return {
    close: () => {
      isClosed = true;
      clearInterval(poll);
      clearTimeout(debounce);
      for (const { watcher } of watched.values()) watcher.close();
      watched.clear();
    },
  };
}

interface Folder {
  /** Device and inode: another folder of the same name is another folder. */
  readonly identity: string;
  /** Entries that matter; null: all. */
  readonly names: ReadonlySet<string> | null;
}

/** The folder of each link on the way to the file, and the parent of the first, which tells when the folder itself is replaced. */
async function foldersOf(path: string): Promise<Map<string, Folder>> {
  const folders = new Map<string, Folder>();
  const add = async (folder: string, names: ReadonlySet<string> | null) => {
    const found = await stat(folder, { bigint: true }).catch(() => undefined);
    if (found?.isDirectory() && !folders.has(folder))
      folders.set(folder, { identity: `${found.dev}:${found.ino}`, names });
  };
  let name = path;
  for (let links = 0; links < MOST_LINKS; links++) {
    await add(dirname(name), null);
    const target = await readlink(name).catch(() => undefined);
    if (target === undefined) break;
    name = isAbsolute(target) ? target : join(dirname(name), target);
  }
  // The nearest folder above that exists: where the file's folder will come back.
  let child = dirname(path);
  for (let parent = dirname(child); parent !== child; child = parent, parent = dirname(parent)) {
    const before = folders.size;
    await add(parent, new Set([basename(child)]));
    if (folders.size > before) break;
  }
  return folders;
}
