import { ConfigReloadManager } from './config-reload-manager.ts';
import type { ReloadManagerOptions } from './manager-options.ts';
import type { ReloadOutcome, ReloadRequest } from './reload-request.ts';

let manager: ConfigReloadManager | undefined;

/** The process's manager: made from these options the first time, and given back as it is every time after. Start it yourself. */
export function initializeReloadManager(options: ReloadManagerOptions): ConfigReloadManager {
  // One that was stopped cannot serve again, so that it counts as none.
  if (manager?.getState() === 'stopped') manager = undefined;
  return (manager ??= new ConfigReloadManager(options));
}

/** The process's manager; undefined where none was initialised. */
export function getReloadManager(): ConfigReloadManager | undefined {
  return manager;
}

/** Reloads through the process's manager. @throws Error where none was initialised. */
export async function reloadConfig(request: ReloadRequest = {}): Promise<ReloadOutcome> {
  if (!manager) throw new Error('no reload manager: call initializeReloadManager first');
  return manager.reloadConfig(request);
}
