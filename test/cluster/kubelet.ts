import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { saveKeyPair } from './certificates.ts';
import { startChild, type Child } from './child.ts';
import type { ControlPlane } from './control-plane.ts';
import { findFreePort } from './free-port.ts';

export interface KubeletOptions {
  readonly command: string;
  readonly controlPlane: ControlPlane;
  readonly nodeName: string;
  readonly address: string;
  readonly containerRuntimeEndpoint: string;
}

/** A kubelet, started; it has yet to register its node and to report it ready. */
export async function startKubelet(options: KubeletOptions): Promise<Child> {
  const { controlPlane, nodeName, address } = options;
  const { folder, authority } = controlPlane;
  const root = join(folder, 'kubelet');
  await mkdir(root);
  const subject = { commonName: `system:node:${nodeName}`, organizations: ['system:nodes'] };
  const kubeconfig = await controlPlane.createKubeconfig(subject);
  const serving = await saveKeyPair(folder, 'kubelet', await authority.issue({ ...subject, hosts: [address] }));
  const config = join(root, 'config.yaml');
  const port = await findFreePort();
  await writeFile(config, stringify(kubeletConfiguration({ ...options, folder, port, serving })));
  return await startChild({
    folder,
    name: 'kubelet',
    command: options.command,
    args: [
      `--config=${config}`,
      `--kubeconfig=${kubeconfig}`,
      `--root-dir=${root}`,
      `--cert-dir=${join(root, 'pki')}`,
      `--hostname-override=${nodeName}`,
      `--node-ip=${address}`,
    ],
  });
}

/** Each setting that is not a path or an address is here because the machine may be a container or an old kernel. */
function kubeletConfiguration(
  options: KubeletOptions & {
    readonly folder: string;
    readonly port: number;
    readonly serving: { readonly crt: string; readonly key: string };
  },
): object {
  const { folder, address, port, serving } = options;
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address,
    port,
    healthzPort: 0,
    readOnlyPort: 0,
    tlsCertFile: serving.crt,
    tlsPrivateKeyFile: serving.key,
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: join(folder, 'ca.crt') },
    },
    authorization: { mode: 'Webhook' },
    containerRuntimeEndpoint: options.containerRuntimeEndpoint,
    podLogsDir: join(folder, 'pod-logs'),
    volumePluginDir: join(folder, 'kubelet', 'volume-plugins'),
    resolvConf: '',
    failCgroupV1: false,
    failSwapOn: false,
    cgroupDriver: 'cgroupfs',
    // No cgroups of its own: two kubelets on one machine would take each other's for orphans.
    cgroupsPerQOS: false,
    enforceNodeAllocatable: [],
    localStorageCapacityIsolation: false,
    makeIPTablesUtilChains: false,
    oomScoreAdj: 0,
    // A full disk of the machine is no reason to evict a test's pods.
    evictionHard: { 'memory.available': '0%', 'nodefs.available': '0%', 'imagefs.available': '0%' },
    imageGCHighThresholdPercent: 100,
    eventRecordQPS: 50,
  };
}
