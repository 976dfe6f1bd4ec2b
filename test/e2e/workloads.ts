import type { V1Container, V1Pod } from '@kubernetes/client-node';
import { busyboxImage } from '../cluster/images.ts';

/** The images of this project's own build and of `apps/`, as `addBundleImages` makes them. */
export const bundleImage = 'localhost/leindex-reloader/app:e2e';
export const shelllessImage = 'localhost/leindex-reloader/shellless:e2e';

/** A shell that keeps a ledger in its log: at the start and at each signal, the hash of the file as it is at that moment. */
export const ledgerScript = `
note() { echo "$1 $(sha256sum /etc/leindex/mcp_config.yaml | cut -c1-64)"; }
trap 'note HUP' HUP
trap 'note USR1' USR1
trap 'exit 0' TERM
note start
while :; do sleep 3600 & wait $!; done`;

interface PodOptions {
  readonly configMap?: string | undefined;
  readonly container?: Partial<V1Container>;
  readonly volume?: object;
  readonly labels?: Record<string, string>;
}

/** A pod with one container; it mounts the ConfigMap at /etc/leindex where one is named. */
export function podOf(name: string, { configMap, container = {}, volume, labels = {} }: PodOptions = {}): V1Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app: name, ...labels } },
    spec: {
      terminationGracePeriodSeconds: 1,
      dnsPolicy: 'Default',
      containers: [
        {
          name: 'app',
          image: busyboxImage,
          imagePullPolicy: 'Never',
          command: ['sh', '-c', ledgerScript],
          ...(configMap === undefined ? {} : { volumeMounts: [{ name: 'config', mountPath: '/etc/leindex' }] }),
          ...container,
        },
      ],
      ...(configMap === undefined ? {} : { volumes: [{ name: 'config', configMap: { name: configMap, ...volume } }] }),
    },
  };
}

/** A pod that runs the manager with its endpoint. */
export function managerPod(name: string, configMap: string, args: readonly string[] = ['--insecure-no-auth']): V1Pod {
  return podOf(name, {
    configMap,
    container: {
      image: bundleImage,
      command: ['/usr/local/bin/node', 'dist/leindex-reloader.js'],
      args: ['manager', '--config', '/etc/leindex/mcp_config.yaml', '--listen', '0.0.0.0:8686', ...args],
      ports: [{ name: 'leindex-reload', containerPort: 8686 }],
      readinessProbe: { httpGet: { path: '/readyz', port: 8686 }, periodSeconds: 1 },
    },
  });
}

/** A pod that runs one of `apps/` by Node. */
export function appPod(name: string, configMap: string, [app = '', ...args]: readonly string[]): V1Pod {
  return podOf(name, {
    configMap,
    container: { image: bundleImage, command: ['/usr/local/bin/node', `apps/${app}`, ...args] },
  });
}

/** A ConfigMap that opted in, with more annotations (without their prefix) and more keys where given. */
export function sourceOf(
  name: string,
  text: string,
  annotations: Record<string, string> = {},
  data: Record<string, string> = {},
): object {
  const prefixed = Object.entries({ enabled: 'true', ...annotations }).map(([key, value]) => [
    `reload.leindex.io/${key}`,
    value,
  ]);
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, annotations: Object.fromEntries(prefixed) as Record<string, string> },
    data: { 'mcp_config.yaml': text, ...data },
  };
}
