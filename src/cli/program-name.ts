import { basename } from 'node:path';

/** How the program is called in help and errors: a file named `kubectl-leindex` is the plugin `kubectl leindex`. */
export const programName = nameOf(process.argv[1] ?? '');

/** @param path of the program as it was started, links not followed */
export function nameOf(path: string): string {
  return isHookName(path) || /^kubectl-leindex(\.js)?$/.test(basename(path)) ? 'kubectl leindex' : 'leindex-reloader';
}

/**
 * Whether the program was started as `kubectl_complete-leindex`: kubectl runs that, from the PATH, to complete
 * `kubectl leindex …`, with the words as arguments.
 */
export const isCompletionHook = isHookName(process.argv[1] ?? '');

export function isHookName(path: string): boolean {
  return /^kubectl_complete-leindex(\.js)?$/.test(basename(path));
}
