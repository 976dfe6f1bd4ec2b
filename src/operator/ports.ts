import type { ConfigReloadStatus } from '../core/configreload.ts';
import type { PodView } from '../core/pod-view.ts';
import type { TargetReason } from '../core/reasons.ts';
import type { ReloadTrigger } from '../core/reload-event.ts';
import type { EndpointChannel, SignalChannel, Target } from '../core/target.ts';
import type { ConfigMapData } from '../core/select-key.ts';
import type { Validate } from '../core/validation.ts';

/** What the story needs of the outside; `run-operator.ts` gives the real things. Every call takes the signal that ends it. */
export interface Ports {
  readonly sources: SourcePort;
  readonly pods: PodPort;
  readonly reloads: ReloadPort;
  readonly revisions: RevisionPort;
  readonly signals: SignalPort;
  readonly endpoints: EndpointPort;
  readonly events: EventPort;
  readonly metrics: MetricsPort;
  readonly validate: Validate;
  readonly clock: ClockPort;
}

export interface ClockPort {
  /** For what people read. */
  now(): Date;
  /** Milliseconds, never going back: for durations. */
  monotonic(): number;
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** What a decision needs of a source beside its text and its policy. */
export interface SourceRef {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly isTerminating: boolean;
  readonly isImmutable: boolean;
  /** Field manager of the newest change of the data; empty where it is not known. */
  readonly author: string;
}

/** A ConfigMap, read whole. */
export interface Source extends SourceRef, ConfigMapData {
  readonly annotations: Readonly<Record<string, string>>;
}

export interface SourcePort {
  /** A read of the present, never of a cache; undefined where there is no such ConfigMap. */
  read(key: string, signal: AbortSignal): Promise<Source | undefined>;
  /** Sets one key of the source back to an earlier text, unless somebody changed the ConfigMap since it was read. */
  restore(
    source: SourceRef,
    data: { key: string; content: Uint8Array },
    signal: AbortSignal,
  ): Promise<'restored' | 'forbidden'>;
  /** Writes a validated text into a ConfigMap that is the controller's own for this source; anybody else's is left alone. */
  publish(
    source: SourceRef,
    published: { name: string; key: string; content: Uint8Array },
    signal: AbortSignal,
  ): Promise<'published' | 'unchanged' | 'refused' | 'forbidden'>;
  /** The token of `token-secret`; `missing`: there is no such Secret, or no token in it; `unfit`: it must not leave the API server. */
  readToken(source: { namespace: string; secret: string }, signal: AbortSignal): Promise<TokenReading>;
}

export type TokenReading = { readonly token: string } | 'missing' | 'unfit' | 'forbidden';

export interface PodPort {
  /** Pods of a namespace as last seen by the watch. */
  inNamespace(namespace: string): readonly PodView[];
  /** Those of them that use or accept this ConfigMap. */
  usersOf(namespace: string, configMap: string): readonly PodView[];
  /** A read of the present; undefined where the pod is gone or another one has its name. */
  read(pod: { namespace: string; pod: string; uid: string }, signal: AbortSignal): Promise<PodView | undefined>;
  /** Makes the kubelet sync the pod, so that its files follow their ConfigMaps now. False: the pod is gone. */
  nudge(target: Target, hash: string, signal: AbortSignal): Promise<boolean>;
  /** Asks for the pod's restart, within its disruption budget. */
  evict(pod: { namespace: string; pod: string; uid: string }, signal: AbortSignal): Promise<EvictionResult>;
  /** Writes on the pod what is proven to run in the target. False: the pod is gone. */
  record(
    target: Target,
    proven: { source: string; hash: string; request: string },
    signal: AbortSignal,
  ): Promise<boolean>;
}

/** `later`: a disruption budget does not allow it now. `forbidden`: the controller may not evict here. */
export type EvictionResult = 'evicted' | 'gone' | 'later' | 'forbidden';

/** A ConfigReload as stored: its status, and what a safe write of the next one needs. */
export interface StoredReload {
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation: number;
  /** uid of the ConfigMap it belongs to: another one of the same name starts anew. */
  readonly ownerUid: string;
  readonly status: Partial<ConfigReloadStatus> | undefined;
}

export interface ReloadPort {
  read(key: string, signal: AbortSignal): Promise<StoredReload | undefined>;
  /** Makes the source's ConfigReload, owned by it. */
  create(source: SourceRef, signal: AbortSignal): Promise<StoredReload>;
  /** Makes the ConfigReload of a deleted ConfigMap of the same name this source's own; its history stays. */
  adopt(source: SourceRef, stored: StoredReload, signal: AbortSignal): Promise<StoredReload>;
  /** Replaces the status if nobody wrote in between; rejects with an ApiError of kind Conflict otherwise. */
  writeStatus(
    key: string,
    stored: StoredReload,
    status: ConfigReloadStatus,
    signal: AbortSignal,
  ): Promise<StoredReload>;
}

export interface Revision {
  readonly revision: number;
  readonly hash: string;
  readonly key: string;
  readonly content: Uint8Array;
  readonly author: string;
}

export interface RevisionPort {
  /** Keeps a valid text under its number; a repeat with the same hash does nothing. */
  save(source: SourceRef, owner: StoredReload, revision: Revision, signal: AbortSignal): Promise<void>;
  read(key: string, revision: number, signal: AbortSignal): Promise<Revision | undefined>;
  /** Removes all but so many of the newest, and the one of that number. */
  prune(key: string, kept: { newest: number; and: number }, signal: AbortSignal): Promise<void>;
}

/** What one attempt on one target came to. `hash` is what the target is known to hold; null: not known. */
export interface AttemptResult {
  readonly reason: TargetReason;
  readonly message: string;
  readonly hash: string | null;
  /** Since the attempt began, until the file was seen with its text, milliseconds. */
  readonly provenAfterMs?: number;
}

export interface SignalPort {
  /** One exec: wait for the file, check, signal, look. */
  attempt(
    request: {
      readonly target: Target;
      readonly channel: SignalChannel;
      readonly hash: string;
      /** How long the file may take, milliseconds. */
      readonly waitMs: number;
      /** Signal even if the process started with this text. */
      readonly isForced: boolean;
      readonly deadlineMs: number;
    },
    signal: AbortSignal,
  ): Promise<AttemptResult>;
}

export interface EndpointPort {
  /** One POST with the text and its hash; the answer's hash is compared. */
  attempt(
    request: {
      readonly channel: EndpointChannel;
      readonly hash: string;
      readonly content: Uint8Array;
      readonly trigger: ReloadTrigger;
      readonly isForced: boolean;
      readonly token: string | undefined;
      readonly deadlineMs: number;
    },
    signal: AbortSignal,
  ): Promise<AttemptResult>;
}

/** What an event is about. */
export interface Regarding {
  readonly kind: 'ConfigMap' | 'Pod';
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export interface Announcement {
  readonly regarding: Regarding;
  readonly related?: Regarding;
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  /** UpperCamelCase verb: what the controller was doing. */
  readonly action: string;
  readonly note: string;
}

export interface EventPort {
  /** Queues an event; never waits, never fails a reload. */
  announce(announcement: Announcement): void;
}

export interface MetricsPort {
  reloadConcluded(result: string, seconds: number): void;
  targetConcluded(strategy: 'endpoint' | 'signal', result: string, seconds: number): void;
  fileProven(seconds: number): void;
  sourceState(key: string, state: { outOfSync: number; isSuccessful: boolean; successTime: string }): void;
  forgetSource(key: string): void;
}
