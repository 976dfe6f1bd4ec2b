import { ConfigReloadManager } from './config-reload-manager.ts';
import type { ReloadManagerOptions } from './manager-options.ts';
import type { ReloadOutcome, ReloadRequest } from './reload-request.ts';

let manager: ConfigReloadManager | undefined;

/** The process's manager: made from these options the first time, and given back as it is every time after. Start it yourself. */
export function initializeReloadManager(options: ReloadManagerOptions): ConfigReloadManager {
  return getReloadManager() ?? (manager = new ConfigReloadManager(options));
}

/** The process's manager; undefined where none was initialised, or it was stopped, after which another can be. */
export function getReloadManager(): ConfigReloadManager | undefined {
  return manager?.getState() === 'stopped' ? undefined : manager;
}

/** Reloads through the process's manager. @throws Error where there is none. */
export async function reloadConfig(request: ReloadRequest = {}): Promise<ReloadOutcome> {
  const current = getReloadManager();
  if (!current) throw new Error('no reload manager: call initializeReloadManager first');
  return current.reloadConfig(request);
}
