import { ReloadResult } from './reload-result.ts';

/**
 * One vocabulary for log, event, condition, metric and HTTP answer: reason → the result it counts as, and what happens next.
 * `retry`: tried again with back-off. `wait`: tried again when the pod, the text or an annotation changes. `done`: nothing to do.
 */
interface Reason {
  readonly result: ReloadResult;
  readonly next: 'done' | 'retry' | 'wait';
}

const done = { result: ReloadResult.success, next: 'done' } as const;
const retry = { result: ReloadResult.ioError, next: 'retry' } as const;
const wait = { result: ReloadResult.ioError, next: 'wait' } as const;
const missing = { result: ReloadResult.fileNotFound, next: 'wait' } as const;
const invalid = { result: ReloadResult.validationFailed, next: 'wait' } as const;

/** How one target ended. Each has its paragraph in `docs/troubleshooting.md`. */
export const targetReasons = {
  /** The signal was delivered after the file was verified, and the process lives. */
  SignalDelivered: done,
  /** The endpoint answered with the hash. */
  EndpointConfirmed: done,
  /** The endpoint already ran that hash. */
  AlreadyCurrent: done,
  /** The container started after its file had this text: it read it itself. */
  StartedWithConfig: done,
  /** The container restarted during the reload: the new process read the new file itself. */
  SupersededByRestart: done,

  PropagationTimeout: retry,
  /** `immutable: true`: kubelets do not look for a new text of it, so that no file of a running container changes any more. */
  SourceImmutable: wait,
  FileMissing: { result: ReloadResult.fileNotFound, next: 'retry' },
  /** A program installs its handlers some time after its process began: it is asked again. */
  ProcessStarting: retry,
  SignalNotHandled: wait,
  ProcessNotFound: wait,
  ProcessCrashed: wait,
  SignalNotPermitted: wait,
  ShellMissing: wait,
  HashToolMissing: wait,
  ExecFailed: retry,
  ExecForbidden: wait,
  ExecTimeout: retry,
  ExecUnintelligible: wait,
  TargetGone: { result: ReloadResult.ioError, next: 'done' },
  EndpointUnreachable: retry,
  EndpointTimeout: retry,
  EndpointBusy: { result: ReloadResult.alreadyInProgress, next: 'retry' },
  EndpointFailed: retry,
  EndpointUnauthorized: wait,
  EndpointRejected: invalid,
  EndpointNotFound: missing,
  EndpointRedirected: wait,
  EndpointRefused: wait,
  EndpointUnverified: wait,
  EndpointAddressRefused: wait,
  TokenSecretMissing: retry,
  RecordFailed: retry,
  CanaryUnhealthy: wait,
  StrategyDisabled: wait,
} as const satisfies Record<string, Reason>;

export type TargetReason = keyof typeof targetReasons;

/** Why a use of the source cannot be reloaded in place (event `PodSkipped`). */
export const skipReasons = [
  'SubPathMount',
  'EnvironmentUse',
  'KeyNotMounted',
  'NoEndpoint',
  'NoFile',
  'NotAccepted',
  'HostNetwork',
  'HostPID',
  'EndpointPortUnknown',
  'EndpointPathInvalid',
  'EndpointSchemeInvalid',
  'ContainerNotFound',
] as const;
export type SkipReason = (typeof skipReasons)[number];

/** What a running container never sees, and its successor does. */
export function needsRestart({ reason }: { readonly reason: SkipReason }): boolean {
  return reason === 'SubPathMount' || reason === 'EnvironmentUse';
}

/** How a whole reload of a source ended. */
export const sourceReasons = {
  Reloaded: done,
  NoTargets: done,
  NothingToReload: done,
  RolledBack: done,
  ValidationFailed: invalid,
  InvalidAnnotation: invalid,
  KeyMissing: missing,
  TargetsFailed: { result: ReloadResult.ioError, next: 'retry' },
  /** A newer text replaced it before every target ran it. */
  Superseded: { result: ReloadResult.alreadyInProgress, next: 'done' },
  RollbackImpossible: { result: ReloadResult.ioError, next: 'wait' },
  PublishRefused: { result: ReloadResult.ioError, next: 'wait' },
  RolloutHalted: { result: ReloadResult.ioError, next: 'wait' },
} as const satisfies Record<string, Reason>;
export type SourceReason = keyof typeof sourceReasons;
