import type { V1Pod } from '@kubernetes/client-node';
import { configText } from '../cluster/config-reload.ts';
import type { ControlledNode } from './controlled-node.ts';
import { podOf } from './workloads.ts';

/** Valid, and yet the process of a fragile pod ends when it reads it. */
export const deadly = configText(4096);

export type DeadlyMoment = 'at SIGHUP' | 'whenever it reads it';

/** What a process wrote into its ledger: how it came to read the file, and the sha256 of the file at that moment. */
const scriptOf = (dies: DeadlyMoment): string => `
read_config() {
  echo "$1 $(sha256sum /etc/leindex/mcp_config.yaml | cut -c1-64)" >>/ledger/lines
  { [ "$1" = HUP ] || ${dies === 'at SIGHUP' ? 'false' : 'true'}; } && grep -q 'total_budget_mb: 4096' /etc/leindex/mcp_config.yaml && exit 3
}
trap 'read_config HUP' HUP
trap 'exit 0' TERM
read_config start
while :; do sleep 3600 & wait $!; done`;

/** Pods whose process ends at the deadly text. The ledger outlives the container: it is in a volume of its own. */
export function fragilePods(configMap: string, { count, dies }: { count: number; dies: DeadlyMoment }): V1Pod[] {
  return Array.from({ length: count }, (_, index) => {
    const pod = podOf(`${configMap}-${index}`, {
      configMap,
      container: {
        command: ['sh', '-c', scriptOf(dies)],
        volumeMounts: [
          { name: 'config', mountPath: '/etc/leindex' },
          { name: 'ledger', mountPath: '/ledger' },
        ],
      },
    });
    pod.spec!.volumes!.push({ name: 'ledger', emptyDir: {} });
    return pod;
  });
}

/** The ledger of a pod over all lives of its container, oldest first: `start <name of the text>` or `HUP <name>`. */
export async function readLedger(
  on: ControlledNode,
  pod: string,
  names: Readonly<Record<string, string>>,
): Promise<string[]> {
  const lines = (await on.node.exec(pod, 'app', ['cat', '/ledger/lines'])).trim().split('\n');
  return lines.map((line) => {
    const [how = '', hex = ''] = line.split(' ');
    return `${how} ${names[`sha256:${hex}`] ?? hex}`;
  });
}
