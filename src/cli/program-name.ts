import { basename } from 'node:path';

/** How the program is called in help and errors: a file named `kubectl-leindex` is the plugin `kubectl leindex`. */
export const programName = nameOf(process.argv[1] ?? '');

/** @param path of the program as it was started, links not followed */
export function nameOf(path: string): string {
  return /^kubectl-leindex(\.js)?$/.test(basename(path)) ? 'kubectl leindex' : 'leindex-reloader';
}
