import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeClient } from '../../src/kube/kube-client.ts';
import { contentHash } from '../../src/core/content-hash.ts';
import { resourcePath } from '../../src/kube/resource-path.ts';
import { resources } from '../../src/kube/resources.ts';
import { waitUntil } from '../cluster/wait-until.ts';
import type { BenchTargets } from './bench-targets.ts';
import { configText, editConfigMap, inParallel, watchConfigMaps } from './load.ts';

const hashOf = (budget: number) => contentHash(Buffer.from(configText(budget)));

export interface Latencies {
  /** From the edit's request to the answer of the target, milliseconds, sorted as they came. */
  readonly effects: number[];
  /** From the same request to the event in a bare watch. */
  readonly floors: number[];
}

/** `rounds` edits, one after the other, each after a rest; `names[n]` is mounted by the target at `targets.addresses[n]`. */
export async function measureLatency(
  client: KubeClient,
  input: { namespace: string; names: readonly string[]; targets: BenchTargets; rounds: number; firstBudget: number },
): Promise<Latencies> {
  const { namespace, names, targets, rounds, firstBudget } = input;
  const stop = new AbortController();
  const { seenAt } = await watchConfigMaps(client, namespace, stop.signal);
  const effects: number[] = [];
  const floors: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const budget = firstBudget + round * 4;
    const name = names[round % names.length]!;
    const address = targets.addresses[round % names.length]!;
    const hash = hashOf(budget);
    seenAt.delete(name);
    const sentAt = performance.now();
    await editConfigMap(client, { namespace, name }, budget);
    await waitUntil({
      what: 'the target has it',
      everyMs: 1,
      check: () => targets.answeredAt.get(address)?.hash === hash && seenAt.has(name),
      timeoutMs: 30_000,
    });
    effects.push(targets.answeredAt.get(address)!.at - sentAt);
    floors.push(seenAt.get(name)! - sentAt);
    await sleep(120); // the record of this one is no part of the next
  }
  stop.abort();
  return { effects, floors };
}

export interface Burst {
  /** Until the last target has answered, milliseconds from the first edit's request. */
  readonly reloadedMs: number;
  /** Until every ConfigReload says so. */
  readonly recordedMs: number;
  /** Until the last change came out of a bare watch. */
  readonly floorMs: number;
}

/** Edits these ConfigMaps at once. */
export async function measureBurst(
  client: KubeClient,
  input: { namespace: string; names: readonly string[]; targets: BenchTargets; budget: number },
): Promise<Burst> {
  const { namespace, names, targets, budget } = input;
  const hash = hashOf(budget);
  const stop = new AbortController();
  const { seenAt } = await watchConfigMaps(client, namespace, stop.signal);
  const sentAt = performance.now();
  await inParallel(names.length, names.length, (index) =>
    editConfigMap(client, { namespace, name: names[index]! }, budget),
  );
  const haveAll = () => targets.addresses.every((address) => targets.answeredAt.get(address)?.hash === hash);
  await waitUntil({ what: 'all targets have it', check: haveAll, everyMs: 10, timeoutMs: 120_000 });
  const reloadedMs = Math.max(...[...targets.answeredAt.values()].map(({ at }) => at)) - sentAt;
  const areRecorded = async () => {
    const path = resourcePath(resources.configReloads, { namespace });
    const { body } = await client.request<{
      items: { metadata: { name: string }; status?: { appliedHash?: string } }[];
    }>({ path, deadlineMs: 60_000 });
    const applied = new Map(body.items.map(({ metadata, status }) => [metadata.name, status?.appliedHash]));
    return names.every((name) => applied.get(name) === hash);
  };
  await waitUntil({ what: 'all are recorded', check: areRecorded, everyMs: 200, timeoutMs: 120_000 });
  const recordedMs = performance.now() - sentAt;
  stop.abort();
  return { reloadedMs, recordedMs, floorMs: Math.max(...names.map((name) => seenAt.get(name) ?? 0)) - sentAt };
}
