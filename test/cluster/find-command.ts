import { constants, accessSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where a command is: in `folders`, by default those of PATH and the ones for administrators; undefined if nowhere. */
export function findCommand(name: string, folders: readonly string[] = searchPath()): string | undefined {
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

/** This process's environment, with a PATH that has what only root runs, too. */
export function commandEnv(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: searchPath().join(delimiter) };
}

/** PATH, then where Debian keeps what only root runs: a plain user's PATH lacks it. */
function searchPath(): string[] {
  return [...(process.env['PATH'] ?? '').split(delimiter).filter(Boolean), '/usr/local/sbin', '/usr/sbin', '/sbin'];
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
