import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Cluster } from '../cluster/cluster.ts';
import { type ControlPlane, startControlPlane } from '../cluster/control-plane.ts';
import { waitUntil } from '../cluster/wait-until.ts';
import type { KubeClient } from '../../src/kube/kube-client.ts';
import { countCalls } from './count-calls.ts';
import { createBenchTargets, TARGET_CIDR } from './bench-targets.ts';
import { type ControllerUnderTest, readCpuMs, startBundle } from './controller-under-test.ts';
import { type Latencies, measureBurst, measureLatency } from './latency.ts';
import { measurePeer } from './peer.ts';
import { createConfigMap, createLoadClient, inParallel, sourceObject } from './load.ts';
import { type Bench, type BenchRow, mb, ms, percentile, seconds } from './row.ts';

type Report = (row: BenchRow) => void;
interface Scene {
  readonly cluster: Cluster;
  readonly controlPlane: ControlPlane;
  readonly client: KubeClient;
  readonly report: Report;
}

const MB = 1024 * 1024;
const MANY = Number(process.env['BENCH_MANY'] ?? 10_000);
const parts: Record<string, (scene: Scene) => Promise<void>> = {
  memory: measureMemory,
  latency: measureOne,
  burst: measureMany,
  wide: measureWide,
  sources: measureSources,
  calls: reportCalls,
  peer: reportPeer,
};

/** The speed table of the controller, each on a fresh namespace of one API server. `BENCH_PARTS=latency,burst` runs some of it. */
const bench: Bench = async (report) => {
  const wanted = process.env['BENCH_PARTS']?.split(',') ?? Object.keys(parts);
  const controlPlane = await startControlPlane();
  try {
    const cluster = new Cluster(controlPlane.address);
    await cluster.apply(await readFile(join(import.meta.dirname, '..', '..', 'deploy', 'crd.yaml'), 'utf8'));
    const client = createLoadClient(controlPlane.kubeconfig);
    for (const part of wanted) await parts[part]!({ cluster, controlPlane, client, report });
    await client.close();
  } finally {
    await controlPlane.stop();
  }
};
export default bench;

const start = ({ cluster }: Scene, ...args: readonly string[]): Promise<ControllerUnderTest> =>
  startBundle(cluster.kubeconfig, '--allow-endpoint-cidr', TARGET_CIDR, ...args);

/** Idle, and with many ConfigMaps that are none of its business. */
async function measureMemory(scene: Scene): Promise<void> {
  const { cluster, client, report } = scene;
  const controller = await start(scene);
  await sleep(5_000);
  const idle = controller.rss();
  report(limit({ name: 'RSS, idle', measured: mb(idle), target: '≤ 85 MB', isReached: idle <= 85 * MB }));
  const namespace = await cluster.createNamespace('foreign');
  const text = 'x'.repeat(10 * 1024);
  await inParallel(MANY, 32, (index) =>
    createConfigMap(client, namespace, { metadata: { name: `foreign-${index}` }, data: { text } }),
  );
  await sleep(5_000);
  const during = controller.rss();
  await controller.stop();
  const again = await start(scene);
  await sleep(5_000);
  const more = again.rss() - idle;
  report(
    limit({
      name: `RSS, more with ${MANY} foreign ConfigMaps of 10 KiB (started with them)`,
      measured: `+${mb(more)}`,
      target: '≤ +10 MB',
      isReached: more <= 10 * MB,
    }),
  );
  report(
    limit({
      name: `RSS, more after ${MANY} foreign ConfigMaps were made while it ran`,
      measured: `+${mb(during - idle)}`,
      target: '≤ +10 MB',
      isReached: during - idle <= 10 * MB,
    }),
  );
  report(
    limit({
      name: `start to ready, ${MANY} foreign ConfigMaps`,
      measured: seconds(again.readyMs),
      target: '≤ 3 s',
      isReached: again.readyMs <= 3_000,
    }),
  );
  await again.stop();
  await cluster.removeNamespace(namespace);
}

/** One edit at a time: of sources that are seldom edited, and of one whose status holds its full history of 100 entries. */
async function measureOne(scene: Scene): Promise<void> {
  const { cluster, client, report } = scene;
  const namespace = await cluster.createNamespace('one');
  const names = Array.from({ length: 25 }, (_, index) => `source-${index}`);
  for (const name of names) await createConfigMap(client, namespace, sourceObject(name, 1024));
  const configMapOf = (index: number) => names[index]!;
  const targets = await createBenchTargets(client, { namespace, count: 25, net: 1, configMapOf });
  const controller = await start(scene);
  await waitUntil({ what: 'the first texts are there', check: () => targets.count() >= 25 });
  const edit = (edited: readonly string[], rounds: number, firstBudget: number) =>
    measureLatency(client, { namespace, names: edited, targets, rounds, firstBudget });
  await edit(names, 25, 2_000); // warm
  const seldom = await edit(names, 200, 4_000);
  await edit(names.slice(0, 1), 100, 8_000); // fills its history
  const often = await edit(names.slice(0, 1), 100, 16_000);
  for (const [which, latencies] of [
    ['', seldom],
    [' (a source with 100 reloads in its status)', often],
  ] as const) {
    const nameOf = (share: string) => `update → endpoint has answered, ${share}${which}`;
    reportLatencies(report, { nameOf, latencies, most: { p50: 4, p99: 8 } });
  }
  await controller.stop();
  await targets.close();
  await cluster.removeNamespace(namespace);
}

/** 500 ConfigMaps of one target each, all at once. */
async function measureMany(scene: Scene): Promise<void> {
  const { cluster, client, report, controlPlane } = scene;
  const namespace = await cluster.createNamespace('many');
  const names = Array.from({ length: 500 }, (_, index) => `source-${index}`);
  await inParallel(500, 32, (index) => createConfigMap(client, namespace, sourceObject(names[index]!, 1024)));
  const targets = await createBenchTargets(client, {
    namespace,
    count: 500,
    net: 2,
    configMapOf: (index) => names[index]!,
  });
  const controller = await start(scene);
  await waitUntil({ what: 'the first texts are there', check: () => targets.count() >= 500, timeoutMs: 120_000 });
  await sleep(5_000);
  const processors = [controller.pid, controlPlane.apiserver.child.id.pid, controlPlane.etcd.child.id.pid];
  const before = processors.map(readCpuMs);
  const burst = await measureBurst(client, { namespace, names, targets, budget: 2048 });
  const [own, apiserver, etcd] = processors.map((pid, at) => seconds(readCpuMs(pid) - before[at]!));
  const floor = `watch events ${seconds(burst.floorMs)}`;
  report({
    name: '500 ConfigMaps at once, 500 endpoint targets: all reloaded',
    measured: seconds(burst.reloadedMs),
    floor,
    ratio: '',
    target: '≤ 3 s',
    isReached: burst.reloadedMs <= 3_000,
  });
  report({
    name: '… all recorded',
    measured: seconds(burst.recordedMs),
    floor: '',
    ratio: '',
    target: '≤ 8 s',
    isReached: burst.recordedMs <= 8_000,
  });
  report(
    limit({
      name: '… processor time of it',
      measured: `controller ${own}, API server ${apiserver}, etcd ${etcd}`,
      target: '',
    }),
  );
  await controller.stop();
  await targets.close();
  await cluster.removeNamespace(namespace);
}

/** One ConfigMap of 1,000 targets. */
async function measureWide(scene: Scene): Promise<void> {
  const { cluster, client, report } = scene;
  const namespace = await cluster.createNamespace('wide');
  await createConfigMap(client, namespace, sourceObject('wide', 1024));
  const targets = await createBenchTargets(client, { namespace, count: 1_000, net: 3, configMapOf: () => 'wide' });
  const controller = await start(scene);
  await waitUntil({ what: 'the first text is there', check: () => targets.count() >= 1_000, timeoutMs: 120_000 });
  await sleep(5_000);
  const { reloadedMs, recordedMs } = await measureBurst(client, { namespace, names: ['wide'], targets, budget: 2048 });
  report(
    limit({
      name: '1 ConfigMap, 1,000 endpoint targets: all reloaded',
      measured: seconds(reloadedMs),
      target: '≤ 3 s',
      isReached: reloadedMs <= 3_000,
    }),
  );
  report(limit({ name: '… recorded', measured: seconds(recordedMs), target: '' }));
  await controller.stop();
  await targets.close();
  await cluster.removeNamespace(namespace);
}

/** Very many sources: the first run looks at each of them, the next one must find them settled. */
async function measureSources(scene: Scene): Promise<void> {
  const { cluster, client, report } = scene;
  const namespace = await cluster.createNamespace('sources');
  await inParallel(MANY, 32, (index) => createConfigMap(client, namespace, sourceObject(`source-${index}`, 1024)));
  const first = await start(scene);
  const startedAt = performance.now();
  await waitUntil({
    what: 'every source was looked at',
    check: async () => (await settledCount(first)) >= MANY,
    everyMs: 1_000,
    timeoutMs: 600_000,
  });
  report(
    limit({
      name: `${MANY} sources never seen before, all looked at and recorded`,
      measured: seconds(performance.now() - startedAt),
      target: '',
    }),
  );
  await sleep(5_000);
  report(
    limit({
      name: `RSS with ${MANY} sources, after all were recorded for the first time`,
      measured: mb(first.rss()),
      target: '',
    }),
  );
  await first.stop();

  const again = await start(scene);
  await waitUntil({
    what: 'every source was looked at',
    check: async () => (await settledCount(again)) >= MANY,
    everyMs: 20,
    timeoutMs: 120_000,
  });
  const restedMs = again.readyMs;
  await sleep(5_000);
  const rss = again.rss();
  report(
    limit({
      name: `start to ready, ${MANY} sources`,
      measured: seconds(restedMs),
      target: '≤ 3 s',
      isReached: restedMs <= 3_000,
    }),
  );
  report(
    limit({
      name: `RSS with ${MANY} sources, none changing`,
      measured: mb(rss),
      target: '≤ 150 MB',
      isReached: rss <= 150 * MB,
    }),
  );
  await again.stop();
  await cluster.removeNamespace(namespace);
}

/** On an API server of its own, which keeps an audit log. */
async function reportCalls({ report }: Scene): Promise<void> {
  const calls = await countCalls();
  report(
    limit({ name: 'API calls of one reload of one pod', measured: `${calls.length}: ${calls.join(', ')}`, target: '' }),
  );
}

/** `RELOADER_BIN` names the binary of stakater/Reloader; without it there is nothing to measure. */
async function reportPeer({ cluster, client, report }: Scene): Promise<void> {
  const binary = process.env['RELOADER_BIN'];
  if (binary === undefined) {
    report(limit({ name: 'stakater/Reloader', measured: 'not run: set RELOADER_BIN', target: '' }));
    return;
  }
  const namespace = await cluster.createNamespace('peer');
  const { kubeconfig } = cluster;
  const { burstMs, rssIdle, ...latencies } = await measurePeer(binary, client, {
    kubeconfig,
    namespace,
    rounds: 200,
    burst: 500,
  });
  const nameOf = (share: string) => `stakater/Reloader: update → Deployment patched, ${share}`;
  reportLatencies(report, { nameOf, latencies });
  report(
    limit({ name: 'stakater/Reloader: 500 ConfigMaps at once, all patched', measured: seconds(burstMs), target: '' }),
  );
  report(limit({ name: 'stakater/Reloader: RSS, idle', measured: mb(rssIdle), target: '' }));
  await cluster.removeNamespace(namespace);
}

interface LatencyRows {
  readonly nameOf: (share: string) => string;
  readonly latencies: Latencies;
  /** The targets, as ratios to the floor; without them nothing is asked. */
  readonly most?: { readonly p50: number; readonly p99: number };
}

/** Median and 99th percentile, each beside that of the floor. */
function reportLatencies(report: Report, { nameOf, latencies: { effects, floors }, most }: LatencyRows): void {
  for (const [share, name] of [
    [0.5, 'p50'],
    [0.99, 'p99'],
  ] as const) {
    const effect = percentile(effects, share);
    const floor = percentile(floors, share);
    const ratio = effect / floor;
    report({
      name: nameOf(name),
      measured: ms(effect),
      floor: `watch event ${ms(floor)}`,
      ratio: `${ratio.toFixed(1)}×`,
      ...(most ? { target: `≤ ${most[name]}×`, isReached: ratio <= most[name] } : { target: '' }),
    });
  }
}

/** How many keys workers are done with. */
async function settledCount(controller: ControllerUnderTest): Promise<number> {
  return Number(/^workqueue_work_duration_seconds_count (\d+)$/m.exec(await controller.metrics())?.[1] ?? 0);
}

function limit(row: Omit<BenchRow, 'floor' | 'ratio'>): BenchRow {
  return { ...row, floor: '', ratio: '' };
}
