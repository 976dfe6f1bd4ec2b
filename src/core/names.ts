/** The fixed names of the contract. */
export const ANNOTATION_PREFIX = 'reload.leindex.io/';
/** Names the data key of a source that holds the config. */
export const KEY_ANNOTATION = `${ANNOTATION_PREFIX}key`;
export const API_GROUP = 'reload.leindex.io';
export const API_VERSION = 'v1alpha1';
export const FIELD_MANAGER = 'leindex-reloader';
export const REPORTING_CONTROLLER = 'reload.leindex.io/controller';
/** A container port of this name offers the reload endpoint. */
export const ENDPOINT_PORT_NAME = 'leindex-reload';

/** Annotations a pod carries: read from its owner, or written by the controller through `pods/status`. */
export const podAnnotations = {
  endpointPort: `${ANNOTATION_PREFIX}endpoint-port`,
  endpointPath: `${ANNOTATION_PREFIX}endpoint-path`,
  endpointScheme: `${ANNOTATION_PREFIX}endpoint-scheme`,
  accept: `${ANNOTATION_PREFIX}accept`,
  /** Written: the hash the pod's file is to reach; a change of it makes the kubelet sync the pod. */
  configHash: `${ANNOTATION_PREFIX}config-hash`,
  /** Written with it, so that a second nudge for the same hash is a change too. */
  nudgedAt: `${ANNOTATION_PREFIX}nudged-at`,
  /** Written: prefix of the per-target records of what is proven to run (`target-record.ts`). */
  applied: `${ANNOTATION_PREFIX}applied.`,
} as const;

/** A source's key is `namespace/name` everywhere: its two parts. */
export function splitKey(key: string): { namespace: string; name: string } {
  const at = key.indexOf('/');
  return { namespace: key.slice(0, at), name: key.slice(at + 1) };
}
