/** The code of a thread, which lies beside the module that starts it (`import.meta.url`): as source, in the library, and beside the bundle. */
export function findWorker(name: string, starter: string): URL {
  const extension = starter.endsWith('.ts') ? 'ts' : 'js';
  return new URL(`./${name}.${extension}`, starter);
}
