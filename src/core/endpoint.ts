import { type AddressRules, refuseAddress } from './address-rules.ts';
import { ENDPOINT_PORT_NAME, podAnnotations } from './names.ts';
import type { PodView } from './pod-view.ts';
import type { SkipReason } from './reasons.ts';
import { printable } from './printable.ts';
import type { EndpointChannel } from './target.ts';

export type EndpointReading =
  | { readonly kind: 'endpoint'; readonly container: string; readonly channel: EndpointChannel }
  | { readonly kind: 'refused'; readonly container: string; readonly reason: SkipReason; readonly message: string };

const DEFAULT_PATH = '/v1/reload';
const PATH = /^\/[A-Za-z0-9._~/-]{0,127}$/;

/** The endpoint a pod offers: by annotation, or by a container port named `leindex-reload`. undefined: none. */
export function endpointOf(pod: PodView, rules: AddressRules): EndpointReading | undefined {
  const asked = pod.annotations[podAnnotations.endpointPort];
  const wanted = asked ?? ENDPOINT_PORT_NAME;
  const found = pod.containers
    .flatMap((container) => container.ports.map((port) => ({ container: container.name, ...port })))
    .find((port) => port.name === wanted || (/^\d{1,5}$/.test(wanted) && port.port === Number(wanted)));
  const container = found?.container ?? pod.containers[0]?.name ?? '';
  const refused = (reason: SkipReason, message: string): EndpointReading => ({
    kind: 'refused',
    container,
    reason,
    message,
  });

  if (!found) {
    return asked === undefined
      ? undefined
      : refused(
          'EndpointPortUnknown',
          `no container of the pod declares the port "${printable(asked, 64)}" that ${podAnnotations.endpointPort} names`,
        );
  }
  const path = pod.annotations[podAnnotations.endpointPath] ?? DEFAULT_PATH;
  if (!PATH.test(path) || path.includes('..') || path.includes('//')) {
    return refused('EndpointPathInvalid', `${podAnnotations.endpointPath} must be a plain path as in /v1/reload`);
  }
  const scheme = pod.annotations[podAnnotations.endpointScheme] ?? 'http';
  if (scheme !== 'http' && scheme !== 'https') {
    return refused('EndpointSchemeInvalid', `${podAnnotations.endpointScheme} must be http or https`);
  }
  if (pod.isHostNetwork && !rules.isHostNetworkAllowed) {
    return refused('HostNetwork', 'the pod uses the network of its node; --allow-host-network permits calling it');
  }
  return {
    kind: 'endpoint',
    container,
    channel: { kind: 'endpoint', scheme, host: pod.podIP, port: found.port, path },
  };
}

/** Why the endpoint's address may not be called right now, or undefined. */
export function refuseEndpoint(channel: EndpointChannel, rules: AddressRules): string | undefined {
  return channel.host === '' ? 'the pod has no address yet' : refuseAddress(channel.host, rules);
}
