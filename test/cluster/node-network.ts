import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { kubernetesServiceIp } from './apiserver.ts';
import { recordNodeTraces, type NodeTraces } from './node-traces.ts';
import { run, tryRun } from './run.ts';

/** How many nodes a machine can hold at once: tests, a demo and whatever else runs beside them. */
const MAX_NODES = 16;

export interface NodeNetwork {
  /** The node's own address: the kubelet refuses a loopback one. */
  readonly address: string;
  /** Folder of CNI configurations. */
  readonly cniFolder: string;
}

/**
 * An address for the node on the loopback interface, 198.18.0.N, and a bridge for its pods, 198.18.(63+N).0/24: all of
 * it in the range for benchmarks. Pods reach the host, the host reaches pods, and the API server is where pods look
 * for it. Recorded for `removeNodeTraces`.
 */
export async function createNodeNetwork(folder: string, apiserverPort: number): Promise<NodeNetwork> {
  const number = await claimNumber();
  const address = nodeAddress(number);
  const bridge = `lr-${randomBytes(4).toString('hex')}`;
  const natRule = redirectRule(bridge, apiserverPort);
  const traces: NodeTraces = { address, bridge, natRules: [natRule] };
  await recordNodeTraces(folder, traces);
  await run('ip', ['link', 'add', bridge, 'type', 'bridge']);
  // Lets the rule send pods to a loopback address; it ends with the bridge.
  await writeFile(`/proc/sys/net/ipv4/conf/${bridge}/route_localnet`, '1');
  await run('iptables', ['-w', '-t', 'nat', '-A', ...natRule]);
  return { address, cniFolder: await writeCniConfig(folder, { bridge, subnet: `198.18.${63 + number}.0/24` }) };
}

/** Adding an address that is there fails: whoever adds it first has the number. */
async function claimNumber(): Promise<number> {
  for (let number = 1; number <= MAX_NODES; number++) {
    const added = await tryRun('ip', ['address', 'add', `${nodeAddress(number)}/32`, 'dev', 'lo']);
    if (added !== undefined) return number;
  }
  const addresses = await run('ip', ['-brief', 'address', 'show', 'dev', 'lo']);
  throw new Error(
    `no address of 198.18.0.1 to 198.18.0.${MAX_NODES} can be added to the loopback interface: ${addresses}`,
  );
}

function nodeAddress(number: number): string {
  return `198.18.0.${number}`;
}

/** There is no kube-proxy: this one rule stands in for the service `kubernetes`. */
function redirectRule(bridge: string, apiserverPort: number): string[] {
  const match = ['-i', bridge, '-d', kubernetesServiceIp, '-p', 'tcp', '--dport', '443'];
  return ['PREROUTING', ...match, '-j', 'DNAT', '--to-destination', `127.0.0.1:${apiserverPort}`];
}

async function writeCniConfig(
  folder: string,
  net: { readonly bridge: string; readonly subnet: string },
): Promise<string> {
  const cniFolder = join(folder, 'cni');
  await mkdir(cniFolder);
  const bridge = {
    type: 'bridge',
    bridge: net.bridge,
    isGateway: true,
    ipam: {
      type: 'host-local',
      dataDir: join(folder, 'cni-addresses'),
      ranges: [[{ subnet: net.subnet }]],
      routes: [{ dst: '0.0.0.0/0' }],
    },
  };
  const config = { cniVersion: '1.0.0', name: 'leindex-reloader', plugins: [bridge] };
  await writeFile(join(cniFolder, '10-bridge.conflist'), JSON.stringify(config, undefined, 2));
  return cniFolder;
}
