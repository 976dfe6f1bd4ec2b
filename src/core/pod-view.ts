/** What decisions need of a pod, and nothing more: this is all that is kept of the thousands that are watched. */
export interface PodView {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Those with our prefix only. */
  readonly annotations: Readonly<Record<string, string>>;
  readonly phase: string;
  readonly isTerminating: boolean;
  readonly isHostNetwork: boolean;
  readonly isHostPID: boolean;
  readonly podIP: string;
  readonly isReady: boolean;
  /** A controller (ReplicaSet, StatefulSet, …) makes it anew when it goes. */
  readonly isOwned: boolean;
  readonly volumes: readonly ConfigVolume[];
  readonly containers: readonly ContainerView[];
}

/** A volume that shows keys of a ConfigMap as files. */
export interface ConfigVolume {
  readonly volume: string;
  readonly configMap: string;
  /** key → path below the mount; undefined where every key is shown under its own name. */
  readonly items: Readonly<Record<string, string>> | undefined;
}

export interface ContainerView {
  readonly name: string;
  readonly ports: readonly { readonly name: string; readonly port: number }[];
  /** Mounts of the volumes above. */
  readonly mounts: readonly { readonly volume: string; readonly path: string; readonly isSubPath: boolean }[];
  /** Uses as environment variables: of one key, or (undefined) of all. */
  readonly environment: readonly { readonly configMap: string; readonly key: string | undefined }[];
  /** undefined while the container is not running. */
  readonly running: RunningContainer | undefined;
}

export interface RunningContainer {
  /** `containerd://…`: changes with every restart. */
  readonly containerId: string;
  readonly restartCount: number;
  /** Milliseconds since 1970, by the node's clock, whole seconds. */
  readonly startedAt: number;
  readonly isReady: boolean;
}
