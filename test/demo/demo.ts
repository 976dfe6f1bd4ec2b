/**
 * `npm run demo`: one change of a ConfigMap, all the way, on a real Kubernetes; then an invalid one.
 * `--record FILE` writes what was shown; `--no-node` shows it as on a machine that can run no node.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { say } from '../cluster/progress.ts';
import { waitUntil } from '../cluster/wait-until.ts';
import { conditionOf, readReload } from '../cluster/config-reload.ts';
import { configMap, workloads } from './manifests.ts';
import { DemoCluster, root } from './demo-cluster.ts';
import { Presenter } from './presenter.ts';
import { lookAtProcesses } from './processes.ts';

const { values } = parseArgs({ options: { record: { type: 'string' }, 'no-node': { type: 'boolean' } } });
const name = 'leindex-config';
const show = new Presenter();

say('building the program (npm run build)');
execFileSync(process.execPath, [join(root, 'scripts', 'build.ts')], {
  cwd: root,
  stdio: ['ignore', 'ignore', 'inherit'],
});
const demo = await DemoCluster.start(values['no-node'] ? 'none' : 'if-possible');
const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => interrupted.abort(new Error('interrupted')));
let failure: unknown;
try {
  await tellTheStory();
} catch (error) {
  failure = error;
  if (!interrupted.signal.aborted) console.error(error);
} finally {
  say('cleaning up');
  await demo.stop();
}
if (values.record !== undefined && failure === undefined)
  writeFileSync(values.record, `${show.record.join('\n').trim()}\n`);
process.exit(interrupted.signal.aborted ? 130 : failure === undefined ? 0 : 1);

async function tellTheStory(): Promise<void> {
  show.step('A real Kubernetes');
  if (demo.kubernetes.node) show.command('kubectl get nodes', await demo.kubectl('get nodes'));
  else explainWhatIsMissing();

  show.step('The CRD, the controller, a ConfigMap with one annotation, two workloads');
  show.command('kubectl apply -f deploy/crd.yaml', await demo.kubectl('apply -f deploy/crd.yaml'));
  await demo.startController();
  show.command('kubectl apply -f leindex-config.yaml', await demo.kubectl('apply -f -', configMap(3072, 512)));
  if (demo.kubernetes.node) {
    await demo.buildImage();
    show.command('kubectl apply -f workloads.yaml', await demo.kubectl('apply -f -', workloads));
  } else await demo.startLoopbackTargets();
  await untilRunning('2/2');
  await showProcesses('Both run what the ConfigMap says:');

  show.step('Edit the ConfigMap: total_budget_mb 3072 → 4096');
  const { applied, seconds } = await applyAndTime(configMap(4096, 1024));
  show.command('kubectl apply -f leindex-config.yaml', applied);
  await showProcesses('Both run the new configuration, and no container was restarted:');
  show.table(
    ['process', 'ran it after'],
    Object.entries(seconds).map(([pod, time]) => [pod, `${time.toFixed(2)} s`]),
  );
  show.say('(from kubectl apply, its own start included; the kubelet alone takes 45 to 90 s)');
  show.command('kubectl get configreloads', await demo.kubectl('get configreloads'));

  show.step('An invalid edit: global_index_mb above half of the budget');
  show.command('kubectl apply -f leindex-config.yaml', await demo.kubectl('apply -f -', configMap(4096, 3000)));
  await waitFor(
    'the edit is refused',
    async () => conditionOf(await readReload(demo.cluster, demo.namespace, name), 'Valid') === 'False ValidationFailed',
  );
  await waitFor('its event is there', async () =>
    (await demo.kubectl(`describe configmap ${name}`)).includes('ValidationFailed'),
  );
  show.command(`kubectl describe configmap ${name}`, await demo.kubectl(`describe configmap ${name}`));
  show.command(`kubectl get configreloads`, await demo.kubectl('get configreloads'));
  show.command(`kubectl describe configreload ${name}`, await demo.kubectl(`describe configreload ${name}`));
  await showProcesses('Nobody was touched:');
}

/** Applies, and tells for each process how long it took until it ran the new text: asked over and over, without pause. */
async function applyAndTime(manifest: string): Promise<{ applied: string; seconds: Record<string, number> }> {
  const seconds: Record<string, number> = {};
  const started = performance.now();
  const [applied] = await Promise.all([
    demo.kubectl('apply -f -', manifest),
    waitFor('both run the new configuration', async () => {
      const processes = await lookAtProcesses(demo);
      for (const { pod, runs } of processes) if (runs === '4096') seconds[pod] ??= (performance.now() - started) / 1000;
      return processes.length === 2 && processes.every(({ runs }) => runs === '4096');
    }),
  ]);
  await untilRunning('2/2', 2);
  return { applied, seconds };
}

async function untilRunning(pods: string, revision = 1): Promise<void> {
  await waitFor(`${pods} targets run revision ${revision}`, async () => {
    const status = await readReload(demo.cluster, demo.namespace, name);
    return status?.podsReady === pods && status.appliedRevision === revision;
  });
}

async function showProcesses(title: string): Promise<void> {
  show.say(title);
  const rows = await lookAtProcesses(demo);
  show.table(
    ['pod', 'total_budget_mb', 'restarts'],
    rows.map(({ pod, runs, restarts }) => [pod, runs, String(restarts)]),
  );
}

async function waitFor(what: string, check: () => Promise<boolean>): Promise<void> {
  await waitUntil({ what, check, timeoutMs: 120_000, everyMs: 15, signal: interrupted.signal });
}

function explainWhatIsMissing(): void {
  show.say('The control plane is up, but no node can run here. Missing:');
  for (const line of demo.kubernetes.missing) show.say(`  ${line}`);
  show.say(
    'So the workloads are two managers as plain processes, reached by their endpoints; a signal needs a real container.',
  );
}
