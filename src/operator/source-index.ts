import { isOptedIn } from '../core/annotations.ts';
import { ANNOTATION_PREFIX, podAnnotations } from '../core/names.ts';
import type { PodView } from '../core/pod-view.ts';

/** All that is kept of a ConfigMap that opted in; of others nothing is. */
export interface SourceMark {
  readonly uid: string;
  readonly resourceVersion: string;
  /** The ConfigMap that its pods mount, where it is not the source itself. */
  readonly publishTo: string | undefined;
}

/** From a ConfigMap's metadata; undefined: it did not opt in. */
export function toSourceMark(object: unknown): SourceMark | undefined {
  const { annotations, uid, resourceVersion } = (object as { metadata: Metadata }).metadata;
  if (!isOptedIn(annotations)) return undefined;
  return { uid, resourceVersion, publishTo: annotations?.[`${ANNOTATION_PREFIX}publish-to`] };
}

interface Metadata {
  readonly uid: string;
  readonly resourceVersion: string;
  readonly annotations?: Record<string, string>;
}

/** The ConfigMaps that a pod uses or accepts, by name. */
export function configMapsOf(pod: PodView): Set<string> {
  const accepted = pod.annotations[podAnnotations.accept];
  return new Set([
    ...pod.volumes.map(({ configMap }) => configMap),
    ...pod.containers.flatMap(({ environment }) => environment.map(({ configMap }) => configMap)),
    ...(accepted === undefined ? [] : [accepted]),
  ]);
}

/** Whether a change of a pod can change what is to be done: our own notes on it cannot. */
export function isRelevantChange(previous: PodView | undefined, current: PodView | undefined): boolean {
  return JSON.stringify(previous && essence(previous)) !== JSON.stringify(current && essence(current));
}

function essence({ resourceVersion: _r, annotations, containers, ...rest }: PodView): object {
  return {
    ...rest,
    annotations: withoutNotes(annotations),
    containers: containers.map(({ running, ...container }) => ({ ...container, id: running?.containerId })),
  };
}

function withoutNotes(annotations: Readonly<Record<string, string>>): Record<string, string> {
  const written = ({ 0: name }: readonly [string, string]) =>
    name === podAnnotations.configHash || name === podAnnotations.nudgedAt || name.startsWith(podAnnotations.applied);
  return Object.fromEntries(Object.entries(annotations).filter((entry) => !written(entry)));
}
