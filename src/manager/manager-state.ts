export type ManagerState = 'new' | 'starting' | 'running' | 'stopping' | 'stopped';

/** The manager is not running: `start` it first, or it has been stopped. */
export class ReloadManagerNotRunningError extends Error {
  readonly state: ManagerState;

  constructor(state: ManagerState) {
    super(`the reload manager is ${state}; a reload needs it started and not stopped`);
    this.name = 'ReloadManagerNotRunningError';
    this.state = state;
  }
}
