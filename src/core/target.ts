import type { ReloadSignal } from './annotations.ts';
import type { TargetReason } from './reasons.ts';
import type { RunningContainer } from './pod-view.ts';
import type { ReloadResult } from './reload-result.ts';

/** One container of one running pod that uses the source. */
export interface Target {
  readonly namespace: string;
  readonly pod: string;
  readonly uid: string;
  readonly container: string;
  readonly running: RunningContainer;
  readonly channel: Channel;
  /** Whether the pod has a file that follows the source (not so where `selector` names a pod without the mount). */
  readonly isMounted: boolean;
  /** What the pod's record says is proven to run in this very container; undefined: nothing. */
  readonly record: TargetRecord | undefined;
}

/** How this target is reloaded and asked. */
export type Channel = EndpointChannel | SignalChannel;

export interface EndpointChannel {
  readonly kind: 'endpoint';
  readonly scheme: 'http' | 'https';
  /** The pod's own IP, checked against the refused ranges. */
  readonly host: string;
  readonly port: number;
  readonly path: string;
}

export interface SignalChannel {
  readonly kind: 'signal';
  readonly signal: ReloadSignal;
  /** Exact process name; undefined: process 1. */
  readonly process: string | undefined;
  /** Absolute path of the file in the container. */
  readonly file: string;
}

export interface TargetRecord {
  readonly hash: string;
  readonly containerId: string;
  /** The value of `requested-at` that was served with it, hashed; empty: none. */
  readonly request: string;
}

/** How the reload of one target ended. */
export interface TargetOutcome {
  readonly target: Target;
  readonly result: ReloadResult;
  readonly reason: TargetReason;
  /** For people; empty on success. */
  readonly message: string;
  /** What the target is known to run or hold; null: not known. */
  readonly hash: string | null;
  readonly durationMs: number;
}

export function targetId(target: { readonly uid: string; readonly container: string }): string {
  return `${target.uid}/${target.container}`;
}
