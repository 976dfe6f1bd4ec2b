import type { ReloadPolicy } from './annotations.ts';
import { endpointOf } from './endpoint.ts';
import { matchesLabels, parseLabelSelector } from './label-selector.ts';
import { podAnnotations } from './names.ts';
import type { ConfigVolume, ContainerView, PodView, RunningContainer } from './pod-view.ts';
import { needsRestart, type SkipReason } from './reasons.ts';
import { readRecord, recordAnnotation } from './target-record.ts';
import type { AddressRules } from './address-rules.ts';
import type { SignalChannel, Target } from './target.ts';

/** A use of the source that cannot be reloaded in place. */
export interface SkippedUse {
  readonly namespace: string;
  readonly pod: string;
  readonly uid: string;
  readonly container: string;
  readonly reason: SkipReason;
  readonly message: string;
  /** What a restart would have to know. */
  readonly running: RunningContainer | undefined;
  readonly isOwned: boolean;
  readonly isReady: boolean;
}

/** A container that uses the source but does not run yet: its own start, or the next pod event, settles it. */
export interface PendingUse {
  readonly pod: string;
  readonly uid: string;
  readonly container: string;
  /** How it will be reloaded. */
  readonly strategy: Target['channel']['kind'];
}

export interface FoundTargets {
  readonly targets: readonly Target[];
  readonly skipped: readonly SkippedUse[];
  readonly pending: readonly PendingUse[];
}

export interface TargetQuery {
  readonly source: string;
  /** The ConfigMap that pods mount: the source, or the one that `publish-to` names. */
  readonly mounted: string;
  /** The data key that holds the config. */
  readonly key: string;
  readonly policy: ReloadPolicy;
  readonly addresses: AddressRules;
}

/** Which containers of these pods use the source, and how each can be reloaded. The order is stable: by pod, then container. */
export function findTargets(pods: readonly PodView[], query: TargetQuery): FoundTargets {
  const uses = pods
    .filter((pod) => !pod.isTerminating && pod.phase !== 'Succeeded' && pod.phase !== 'Failed')
    .toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
    .flatMap((pod) => usesOf(pod, query));
  return {
    targets: uses.flatMap((use) => (use.kind === 'target' ? [use.target] : [])),
    skipped: uses.flatMap((use) => (use.kind === 'skipped' ? [use.skipped] : [])),
    pending: uses.flatMap((use) => (use.kind === 'pending' ? [use.pending] : [])),
  };
}

type Use =
  | { readonly kind: 'target'; readonly target: Target }
  | { readonly kind: 'skipped'; readonly skipped: SkippedUse }
  | { readonly kind: 'pending'; readonly pending: PendingUse };

function usesOf(pod: PodView, query: TargetQuery): Use[] {
  const { policy } = query;
  const volumes = pod.volumes.filter((volume) => volume.configMap === query.mounted);
  const isUser = volumes.length > 0 || pod.containers.some((container) => environmentOf(container, query).length > 0);
  const isSelected =
    policy.selector === undefined || matchesLabels(parseLabelSelector(policy.selector) ?? [], pod.labels);
  if (!isSelected) return [];
  if (!isUser) return policy.selector === undefined ? [] : [unmountedUse(pod, query)];

  const endpoint = policy.strategy === 'signal' ? undefined : endpointOf(pod, query.addresses);
  if (endpoint?.kind === 'refused') return [skip(pod, endpoint.container, endpoint.reason, endpoint.message)];
  if (endpoint?.kind === 'endpoint') {
    const container = pod.containers.find(({ name }) => name === (policy.container ?? endpoint.container));
    if (!container) return [containerNotFound(pod, policy.container ?? endpoint.container)];
    if (container.name !== endpoint.container) return [otherContainersPort(pod, container.name, endpoint.container)];
    const target = targetOr(pod, container, query, { channel: endpoint.channel, isMounted: volumes.length > 0 });
    return [target, ...outOfReach(pod, container, { volumes, query })];
  }
  if (policy.container !== undefined && !pod.containers.some(({ name }) => name === policy.container)) {
    return [containerNotFound(pod, policy.container)];
  }
  return pod.containers
    .filter(({ name }) => policy.container === undefined || name === policy.container)
    .flatMap((container) => signalUse({ pod, container, volumes, query }));
}

/** What the pod's endpoint cannot bring up to date: the other containers that only a restart would. */
function outOfReach(
  pod: PodView,
  served: ContainerView,
  how: { readonly volumes: readonly ConfigVolume[]; readonly query: TargetQuery },
): Use[] {
  if (how.query.policy.container !== undefined) return [];
  return pod.containers
    .filter((container) => container !== served)
    .flatMap((container) => signalUse({ pod, container, ...how }))
    .filter((use) => use.kind === 'skipped' && needsRestart(use.skipped));
}

/** `selector` names a pod that does not mount the source: only with its owner's consent, and only by its endpoint. */
function unmountedUse(pod: PodView, query: TargetQuery): Use {
  const first = pod.containers[0]?.name ?? '';
  if (pod.annotations[podAnnotations.accept] !== query.source) {
    const message = `the pod does not mount ConfigMap ${query.mounted}; its owner agrees with the pod annotation ${podAnnotations.accept}: ${query.source}`;
    return skip(pod, first, 'NotAccepted', message);
  }
  if (query.policy.strategy === 'signal') {
    return skip(pod, first, 'NoFile', 'a signal needs a file to re-read, and the pod mounts none from this ConfigMap');
  }
  const endpoint = endpointOf(pod, query.addresses);
  if (endpoint === undefined) return skip(pod, first, 'NoEndpoint', noEndpoint);
  if (endpoint.kind === 'refused') return skip(pod, endpoint.container, endpoint.reason, endpoint.message);
  const container = pod.containers.find(({ name }) => name === endpoint.container);
  return container
    ? targetOr(pod, container, query, { channel: endpoint.channel, isMounted: false })
    : containerNotFound(pod, endpoint.container);
}

interface SignalUse {
  readonly pod: PodView;
  readonly container: ContainerView;
  readonly volumes: readonly ConfigVolume[];
  readonly query: TargetQuery;
}

function signalUse({ pod, container, volumes, query }: SignalUse): Use[] {
  const { key, policy, mounted } = query;
  const mounts = container.mounts.flatMap((mount) => {
    const volume = volumes.find((candidate) => candidate.volume === mount.volume);
    return volume ? [{ ...mount, relative: volume.items ? ownItem(volume.items, key) : key }] : [];
  });
  const live = mounts.find((mount) => !mount.isSubPath && mount.relative !== undefined);
  if (live?.relative !== undefined) {
    if (policy.strategy === 'endpoint') return [skip(pod, container.name, 'NoEndpoint', noEndpoint)];
    if (pod.isHostPID) return [skip(pod, container.name, 'HostPID', hostPID)];
    const file = `${live.path.replace(/\/+$/, '')}/${live.relative}`;
    const channel: SignalChannel = { kind: 'signal', signal: policy.signal, process: policy.process, file };
    return [targetOr(pod, container, query, { channel, isMounted: true })];
  }
  if (mounts.some((mount) => mount.isSubPath)) {
    const cure = 'mount the folder instead, or set on-unreloadable: restart';
    return [skip(pod, container.name, 'SubPathMount', `a subPath mount never changes in a running pod; ${cure}`)];
  }
  if (environmentOf(container, query).length > 0) {
    const cure = 'mount the ConfigMap as a volume, or set on-unreloadable: restart';
    return [
      skip(pod, container.name, 'EnvironmentUse', `environment variables never change in a running container; ${cure}`),
    ];
  }
  if (mounts.length > 0) {
    return [
      skip(
        pod,
        container.name,
        'KeyNotMounted',
        `the volume of ConfigMap ${mounted} shows other keys, not ${key}; add it to items`,
      ),
    ];
  }
  return [];
}

function ownItem(items: Readonly<Record<string, string>>, key: string): string | undefined {
  return Object.hasOwn(items, key) ? items[key] : undefined;
}

function targetOr(
  pod: PodView,
  container: ContainerView,
  query: TargetQuery,
  how: Pick<Target, 'channel' | 'isMounted'>,
): Use {
  const { namespace, name, uid } = pod;
  if (!container.running) {
    const pending = { pod: name, uid, container: container.name, strategy: how.channel.kind };
    return { kind: 'pending', pending };
  }
  const record = readRecord(
    pod.annotations[recordAnnotation(query.source, container.name)],
    container.running.containerId,
  );
  return {
    kind: 'target',
    target: { namespace, pod: name, uid, container: container.name, running: container.running, record, ...how },
  };
}

const noEndpoint = `the pod offers no endpoint: name a container port leindex-reload, or set the pod annotation ${podAnnotations.endpointPort}`;

const hostPID =
  'the pod shares the processes of its node (hostPID), where a signal could reach one that is not its own; offer an endpoint, or leave hostPID out';

function environmentOf(container: ContainerView, query: TargetQuery) {
  return container.environment.filter(
    ({ configMap, key }) => configMap === query.mounted && (key === undefined || key === query.key),
  );
}

/** Its record would outlive a restart of the container that does the work. */
function otherContainersPort(pod: PodView, asked: string, owner: string): Use {
  const message = `container ${asked} declares no endpoint port, container ${owner} does; name ${owner} in the annotation container, or leave it out`;
  return skip(pod, asked, 'EndpointPortUnknown', message);
}

function containerNotFound(pod: PodView, container: string): Use {
  const names = pod.containers.map(({ name }) => name).join(', ');
  return skip(pod, container, 'ContainerNotFound', `the pod has no container ${container}; it has ${names}`);
}

function skip(pod: PodView, container: string, reason: SkipReason, message: string): Use {
  const { namespace, name, uid, isOwned, isReady } = pod;
  const running = pod.containers.find((one) => one.name === container)?.running;
  const skipped = { namespace, pod: name, uid, container, reason, message, running, isOwned, isReady };
  return { kind: 'skipped', skipped };
}
