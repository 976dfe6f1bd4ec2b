import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where what is costly to make is kept between runs; a folder a name, made by whoever fills it. */
export function cacheFolder(name: string): string {
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'leindex-reloader', name);
}
