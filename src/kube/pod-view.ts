import { ANNOTATION_PREFIX } from '../core/names.ts';
import type { ConfigVolume, ContainerView, PodView, RunningContainer } from '../core/pod-view.ts';
import { asList, asNumber, asObject, asText, asTextMap, type Json } from '../core/json.ts';

/** Trims a v1 Pod to what decisions need. */
export function toPodView(raw: unknown): PodView {
  const pod = asObject(raw);
  const metadata = asObject(pod['metadata']);
  const spec = asObject(pod['spec']);
  const status = asObject(pod['status']);
  const volumes = asList(spec['volumes']).flatMap(configVolumes);
  const statuses = [...asList(status['containerStatuses']), ...asList(status['initContainerStatuses'])];
  return {
    namespace: asText(metadata['namespace']),
    name: asText(metadata['name']),
    uid: asText(metadata['uid']),
    resourceVersion: asText(metadata['resourceVersion']),
    labels: asTextMap(metadata['labels']),
    annotations: ours(asTextMap(metadata['annotations'])),
    phase: asText(status['phase']),
    isTerminating: metadata['deletionTimestamp'] !== undefined,
    isHostNetwork: spec['hostNetwork'] === true,
    isHostPID: spec['hostPID'] === true,
    podIP: asText(status['podIP']),
    isReady: asList(status['conditions']).some(({ type, status: is }) => type === 'Ready' && is === 'True'),
    isOwned: asList(metadata['ownerReferences']).some((owner) => owner['controller'] === true),
    volumes,
    containers: [...asList(spec['containers']), ...asList(spec['initContainers']).filter(isSidecar)].map((container) =>
      toContainerView(container, { volumes, statuses }),
    ),
  };
}

/** A restartable init container runs as long as the pod does. */
const isSidecar = (container: Json) => container['restartPolicy'] === 'Always';

function ours(annotations: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(annotations).filter(([name]) => name.startsWith(ANNOTATION_PREFIX)));
}

/** configMap volumes, and the configMap sources of projected ones. */
function configVolumes(volume: Json): ConfigVolume[] {
  const name = asText(volume['name']);
  const direct = asObject(volume['configMap']);
  const projected = asList(asObject(volume['projected'])['sources']).map((source) => asObject(source['configMap']));
  return [direct, ...projected]
    .filter((configMap) => asText(configMap['name']) !== '')
    .map((configMap) => ({ volume: name, configMap: asText(configMap['name']), items: itemsOf(configMap) }));
}

function itemsOf(configMap: Json): Record<string, string> | undefined {
  if (configMap['items'] === undefined) return undefined;
  return Object.fromEntries(asList(configMap['items']).map(({ key, path }) => [asText(key), asText(path)]));
}

function toContainerView(
  container: Json,
  { volumes, statuses }: { volumes: readonly ConfigVolume[]; statuses: readonly Json[] },
): ContainerView {
  const name = asText(container['name']);
  const mounted = new Set(volumes.map(({ volume }) => volume));
  return {
    name,
    ports: asList(container['ports']).map((port) => ({
      name: asText(port['name']),
      port: asNumber(port['containerPort']),
    })),
    mounts: asList(container['volumeMounts'])
      .filter((mount) => mounted.has(asText(mount['name'])))
      .map((mount) => ({
        volume: asText(mount['name']),
        path: asText(mount['mountPath']),
        isSubPath: asText(mount['subPath']) !== '' || asText(mount['subPathExpr']) !== '',
      })),
    environment: environmentOf(container),
    running: runningOf(statuses.find((status) => status['name'] === name)),
  };
}

function environmentOf(container: Json): ContainerView['environment'] {
  const single = asList(container['env']).map((variable) =>
    asObject(asObject(variable['valueFrom'])['configMapKeyRef']),
  );
  const whole = asList(container['envFrom']).map((from) => asObject(from['configMapRef']));
  return [
    ...single.map((ref) => ({ configMap: asText(ref['name']), key: asText(ref['key']) })),
    ...whole.map((ref) => ({ configMap: asText(ref['name']), key: undefined })),
  ].filter(({ configMap }) => configMap !== '');
}

function runningOf(status: Json | undefined): RunningContainer | undefined {
  const running = asObject(asObject(status?.['state'])['running']);
  if (!status || running['startedAt'] === undefined) return undefined;
  return {
    containerId: asText(status['containerID']),
    restartCount: asNumber(status['restartCount']),
    startedAt: Date.parse(asText(running['startedAt'])) || 0,
    isReady: status['ready'] === true,
  };
}
