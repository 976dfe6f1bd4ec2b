import { pino } from 'pino';
import { ApiError } from '../kube/api-error.ts';
import { createKubeClient, type KubeClient } from '../kube/kube-client.ts';
import { CommandError, ExitCode } from './command.ts';
import { version } from './version.ts';

export interface ClusterSettings {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
}

/** A client and the namespace that is meant when none is named. */
export interface ClusterAccess {
  readonly client: KubeClient;
  readonly namespace: string;
}

/**
 * Runs `work` with a connection, and closes it.
 *
 * @throws CommandError (3) where the kubeconfig cannot be used or the API server does not do what it is asked
 */
export async function withCluster<T>(
  { kubeconfig, context, namespace }: ClusterSettings,
  work: (access: ClusterAccess) => Promise<T>,
): Promise<T> {
  const userAgent = `leindex-reloader/${version}`;
  let client: KubeClient;
  try {
    client = createKubeClient({ kubeconfig, context, userAgent, logger: pino({ level: 'silent' }) });
  } catch (error) {
    throw unreachable(error);
  }
  try {
    const { kubeConfig } = client;
    const own = kubeConfig.getContextObject(kubeConfig.getCurrentContext())?.namespace;
    return await work({ client, namespace: namespace ?? own ?? 'default' });
  } catch (error) {
    throw error instanceof ApiError ? unreachable(error) : error;
  } finally {
    await client.close();
  }
}

function unreachable(cause: unknown): CommandError {
  const message = cause instanceof Error ? cause.message : String(cause);
  return new CommandError(`${message}${cure(cause)}`, ExitCode.unreachable, { cause });
}

function cure(cause: unknown): string {
  if (!(cause instanceof ApiError)) return '\nName a cluster with --kubeconfig or --context.';
  switch (cause.kind) {
    case 'Forbidden':
      return '\nAsk for this permission in the namespace, or name another one with -n.';
    case 'Unauthorized':
      return '\nLog in to the cluster again, or name another user with --context.';
    case 'Transient':
    case 'Timeout':
      return '\nIs the API server of this context reachable? `kubectl cluster-info` asks it too.';
    default:
      return '';
  }
}
