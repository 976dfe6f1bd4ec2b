import type { Command } from 'commander';
import { flag } from './settings.ts';

/** The flags that kubectl has too, and with the same meaning. */
export function addClusterFlags(command: Command): Command {
  return command
    .addOption(flag('-n, --namespace <name>', "where the ConfigMap is (default: the context's namespace)"))
    .addOption(flag('--kubeconfig <file>', 'how to reach the cluster (default: KUBECONFIG, then ~/.kube/config)'))
    .addOption(flag('--context <name>', 'context of the kubeconfig (default: its current one)'));
}
