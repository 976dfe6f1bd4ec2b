/** The library: one configuration file, reloaded inside this process. */
export { ConfigReloadManager } from './manager/config-reload-manager.ts';
export { ReloadManagerNotRunningError, type ManagerState } from './manager/manager-state.ts';
export type { ReloadManagerOptions } from './manager/manager-options.ts';
export type { ReloadOutcome, ReloadRequest } from './manager/reload-request.ts';
export type { ReloadReason } from './manager/manager-reasons.ts';
export type { ReloadStats } from './manager/reload-stats.ts';
export type { ConfigObserver, ObserverContext } from './manager/observer-list.ts';
export type { Running } from './manager/reload-work.ts';
export { ReloadTargetError, type Candidate, type ReloadTarget } from './manager/reload-target.ts';
export { initializeReloadManager, getReloadManager, reloadConfig } from './manager/singleton.ts';
export { HttpEndpoint, OpenEndpointError, type HttpEndpointOptions } from './manager/http-endpoint.ts';
export { createManagerMetrics, type ManagerMetrics } from './manager/manager-metrics.ts';
export { ReloadResult } from './core/reload-result.ts';
export type { ReloadEvent, ReloadFailed, ReloadRecord, ReloadSucceeded, ReloadTrigger } from './core/reload-event.ts';
export { diffConfigs, type ConfigChange, type ConfigValue } from './core/config-diff.ts';
export { validateConfig, type ValidateOptions } from './core/validate-config.ts';
export type { Accepted, Rejected, Validate, ValidationOutcome, Violation } from './core/validation.ts';
export { leindexConfigSchema, type LeIndexConfig } from './core/leindex-config.ts';
