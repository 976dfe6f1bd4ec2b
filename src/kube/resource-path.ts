/** Where a kind of object lives in the API. */
export interface Resource {
  /** `apps`, `coordination.k8s.io`; empty or absent for the core group. */
  readonly group?: string;
  readonly version: string;
  /** Plural, lower case: `configmaps`. */
  readonly plural: string;
}

export interface ResourceAddress {
  /** Absent: every namespace, or a cluster-scoped kind. */
  readonly namespace?: string | undefined;
  /** Absent: the collection. */
  readonly name?: string | undefined;
  /** `status`, `exec`, … of the named object. */
  readonly subresource?: string | undefined;
}

/** Path of a collection, an object or a subresource; every part is percent-encoded, so that no name can leave its place. */
export function resourcePath(resource: Resource, { namespace, name, subresource }: ResourceAddress = {}): string {
  const root = resource.group ? `/apis/${encodeURIComponent(resource.group)}` : '/api';
  const parts = [
    ...(namespace === undefined ? [] : ['namespaces', namespace]),
    resource.plural,
    ...(name === undefined ? [] : [name]),
    ...(subresource === undefined ? [] : [subresource]),
  ];
  if ([resource.version, ...parts].some((part) => part === '' || part === '.' || part === '..')) {
    throw new TypeError(`no path for ${JSON.stringify({ ...resource, namespace, name, subresource })}`);
  }
  return [root, resource.version, ...parts].map((part, at) => (at === 0 ? part : encodeURIComponent(part))).join('/');
}
