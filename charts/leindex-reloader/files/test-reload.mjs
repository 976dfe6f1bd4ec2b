// What `helm test` runs: this pod mounts a ConfigMap, edits it, and passes when the controller has brought the new text here.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const { SOURCE: source, NAMESPACE: namespace, STRATEGY: strategy, SERVER: server } = process.env;
const account = '/var/run/secrets/kubernetes.io/serviceaccount';
const file = '/config/mcp_config.yaml';
const hashOf = (bytes) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

// Runs whatever the file says when it is told to: by the signal itself, or through the manager beside it.
let running = hashOf(readFileSync(file));
process.on('SIGHUP', () => (running = hashOf(readFileSync(file))));
const manager = strategy === 'endpoint' ? startManager() : undefined;

try {
  await until('the controller knows the ConfigMap', async () => (await status()).appliedRevision >= 1);
  const text = readFileSync(file, 'utf8').replace(/total_budget_mb: \d+/, `total_budget_mb: ${2048 + (Date.now() % 1024)}`);
  const wanted = hashOf(text);
  const edited = performance.now();
  await call('PATCH', `/api/v1/namespaces/${namespace}/configmaps/${source}`, { data: { 'mcp_config.yaml': text } });
  console.log(`edited ConfigMap ${source}: ${wanted}`);
  await until(`this pod runs it (${strategy})`, async () => (await whatRuns()) === wanted);
  console.log(`this pod runs it after ${Math.round(performance.now() - edited)} ms, by ${strategy}`);
  await until('the ConfigReload says so', async () => {
    const { appliedHash, targets } = await status();
    return appliedHash === wanted && targets.reloaded === 1 && targets.total === 1;
  });
  console.log('the ConfigReload says so: passed');
} finally {
  manager?.kill();
}
process.exit(0);

function startManager() {
  const main = process.env.MAIN;
  const args = [main, 'manager', `--config=${file}`, '--listen=:8686', '--insecure-no-auth', '--log-level=warn'];
  return spawn(process.execPath, args, { stdio: 'inherit' });
}

async function whatRuns() {
  if (!manager) return running;
  const answer = await fetch('http://127.0.0.1:8686/v1/config').catch(() => undefined);
  return answer?.ok ? (await answer.json()).hash : undefined;
}

async function status() {
  const path = `/apis/reload.leindex.io/v1alpha1/namespaces/${namespace}/configreloads/${source}`;
  return (await call('GET', path))?.status ?? {};
}

/** undefined where there is no such object. */
async function call(method, path, body) {
  const answer = await fetch(server + path, {
    method,
    headers: {
      authorization: `Bearer ${readFileSync(`${account}/token`, 'utf8')}`,
      'content-type': 'application/merge-patch+json',
    },
    body: body && JSON.stringify(body),
  });
  if (answer.status === 404) return undefined;
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return await answer.json();
}

async function until(what, isTrue) {
  for (let tries = 0; tries < 120; tries++) {
    if (await isTrue()) return;
    await sleep(500);
  }
  console.error(`not within a minute: ${what}\n${JSON.stringify(await status(), null, 2)}`);
  manager?.kill();
  process.exit(1);
}
