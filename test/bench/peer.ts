import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeClient } from '../../src/kube/kube-client.ts';
import { waitUntil } from '../cluster/wait-until.ts';
import { readRss } from './controller-under-test.ts';
import type { Latencies } from './latency.ts';
import { createConfigMap, editConfigMap, inParallel, sourceObject, watchChanges, watchConfigMaps } from './load.ts';

/** What a peer did after edits; milliseconds, and bytes. Its effect is the Deployment's change in a bare watch. */
export interface PeerFigures extends Latencies {
  /** Until the last of `burst` Deployments was patched. */
  readonly burstMs: number;
  readonly rssIdle: number;
}

interface PeerInput {
  readonly kubeconfig: string;
  readonly namespace: string;
  readonly rounds: number;
  readonly burst: number;
}

/**
 * The binary of stakater/Reloader, with its defaults, on the same API server. Its effect is a patched Deployment; the pods
 * would restart after it. The Deployments have no replicas, and no controller: what changes them is the peer alone.
 */
export async function measurePeer(binary: string, client: KubeClient, input: PeerInput): Promise<PeerFigures> {
  const { kubeconfig, namespace, rounds, burst } = input;
  const child = spawn(binary, [], { stdio: 'ignore', env: { PATH: process.env['PATH'], KUBECONFIG: kubeconfig } });
  const stop = new AbortController();
  try {
    await once(child, 'spawn');
    await sleep(5_000);
    const rssIdle = readRss(child.pid!);
    const names = Array.from({ length: burst }, (_, index) => `peer-${index}`);
    const deployments = `/apis/apps/v1/namespaces/${namespace}/deployments`;
    await inParallel(burst, 16, async (index) => {
      await createConfigMap(client, namespace, sourceObject(names[index]!, 1024));
      await client.request({ method: 'POST', path: deployments, body: deploymentOf(names[index]!) });
    });
    await sleep(5_000);
    const { seenAt: floorAt } = await watchConfigMaps(client, namespace, stop.signal);
    const { seenAt: patchedAt } = await watchChanges(client, deployments, stop.signal);
    await sleep(500); // the watch begins with what there is
    const effects: number[] = [];
    const floors: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const name = names[round % 25]!;
      floorAt.delete(name);
      patchedAt.delete(name);
      const sentAt = performance.now();
      await editConfigMap(client, { namespace, name }, 2_000 + round * 4);
      const check = () => patchedAt.has(name) && floorAt.has(name);
      await waitUntil({ what: 'the peer patches the Deployment', everyMs: 1, check, timeoutMs: 60_000 });
      effects.push(patchedAt.get(name)! - sentAt);
      floors.push(floorAt.get(name)! - sentAt);
      await sleep(120);
    }
    patchedAt.clear();
    const begun = performance.now();
    await inParallel(burst, burst, (index) => editConfigMap(client, { namespace, name: names[index]! }, 16_000));
    const check = () => names.every((name) => patchedAt.has(name));
    await waitUntil({ what: 'the peer patches all Deployments', everyMs: 10, check, timeoutMs: 300_000 });
    return { effects, floors, burstMs: Math.max(...patchedAt.values()) - begun, rssIdle };
  } finally {
    stop.abort();
    await end(child);
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.pid === undefined) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

function deploymentOf(name: string): object {
  const labels = { app: name };
  const container = { name: 'app', image: 'none', volumeMounts: [{ name: 'config', mountPath: '/etc/leindex' }] };
  const spec = { containers: [container], volumes: [{ name: 'config', configMap: { name } }] };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, annotations: { 'configmap.reloader.stakater.com/reload': name } },
    spec: { replicas: 0, selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
  };
}
