import { spawn } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readFile } from 'node:fs/promises';
import { pino } from 'pino';
import { contentHash } from '../../src/core/content-hash.ts';
import { validateConfig } from '../../src/core/validate-config.ts';
import { ConfigReloadManager } from '../../src/manager/config-reload-manager.ts';
import { HttpEndpoint } from '../../src/manager/http-endpoint.ts';
import { percentile, type Bench, type BenchRow } from './row.ts';

const logger = pino({ level: 'silent' });
const text = (size: number) => `version: "2.0"\nmemory: {}\nprojects: {}\nperformance:\n  batch_size: ${size}\n`;
/** 10–500, another at each call. */
let counter = 0;
const nextText = () => text(10 + (counter++ % 490));

/** The embedded manager, each part against the least that the machine takes for the same kind of work in the same run. */
const bench: Bench = async (report) => {
  const folder = mkdtempSync(join(tmpdir(), 'leindex-bench-'));
  try {
    for (const part of [benchValidate, benchReload, benchNotify, benchReads, benchEndpoint, benchSignal])
      await part(folder, report);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
export default bench;

type Report = (row: BenchRow) => void;

async function benchValidate(_folder: string, report: Report): Promise<void> {
  const samples = await sample(2000, () => validateConfig(nextText()));
  const floors = await sample(2000, () => contentHash(nextText()));
  report(row('validate 100 B', samples, floors, 'sha256 of the text'));
}

async function benchReload(folder: string, report: Report): Promise<void> {
  const { manager, put, path } = await start(folder);
  const samples = await sample(300, () => manager.reloadConfig(), put);
  const floors = await sample(300, () => readFile(path), put);
  await manager.stop();
  report(row('reload from the file', samples, floors, 'read the file'));
}

async function benchNotify(folder: string, report: Report): Promise<void> {
  for (const observers of [1, 10, 100]) {
    const { manager } = await start(folder);
    let calls = 0;
    for (let i = 0; i < observers; i++) {
      manager.subscribe(() => {
        calls++;
      });
    }
    const samples = await sample(300, () => manager.reloadConfig({ config: nextText() }));
    if (calls < observers * 290) throw new Error(`${calls} calls of ${observers} observers`);
    await manager.stop();
    const bare = await start(folder);
    const floors = await sample(300, () => bare.manager.reloadConfig({ config: nextText() }));
    await bare.manager.stop();
    report(row(`reload a pushed text, ${observers} observers`, samples, floors, 'without observers'));
  }
}

async function benchReads(folder: string, report: Report): Promise<void> {
  const { manager } = await start(folder);
  const plain = { config: manager.getCurrentConfig() };
  const stop = new AbortController();
  const reloading = (async () => {
    while (!stop.signal.aborted) {
      await manager.reloadConfig({ config: nextText() });
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  let sum = 0;
  const samples = await sample(
    500,
    () => {
      for (let i = 0; i < 10_000; i++) sum += manager.getCurrentConfig()!.performance.batch_size;
    },
    () => new Promise<void>((resolve) => setImmediate(() => resolve())),
  );
  const floors = await sample(
    500,
    () => {
      for (let i = 0; i < 10_000; i++) sum += plain.config!.performance.batch_size;
    },
    () => new Promise<void>((resolve) => setImmediate(() => resolve())),
  );
  stop.abort();
  await reloading;
  await manager.stop();
  if (sum === 0) throw new Error('nothing was read');
  report(row('10,000 reads during reloads', samples, floors, 'property of an object'));
}

async function benchEndpoint(folder: string, report: Report): Promise<void> {
  const { manager } = await start(folder);
  const endpoint = new HttpEndpoint({ manager, listen: { host: '127.0.0.1', port: 0 }, logger });
  const { port } = await endpoint.start();
  const bare = createServer((request, response) => {
    request.resume().on('end', () => response.end('{}'));
  });
  await new Promise<void>((resolve) => bare.listen(0, '127.0.0.1', () => resolve()));
  const post = async (target: number) => {
    const body = JSON.stringify({ config: nextText() });
    const response = await fetch(`http://127.0.0.1:${target}/v1/reload`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    await response.arrayBuffer();
    if (response.status !== 200) throw new Error(`status ${response.status}`);
  };
  const barePort = (bare.address() as AddressInfo).port;
  const samples = await sample(500, () => post(port));
  const floors = await sample(500, () => post(barePort));
  await endpoint.stop();
  await manager.stop();
  bare.closeAllConnections();
  bare.close();
  report(row('endpoint round trip with a new text', samples, floors, 'a server that answers {}'));
}

/** SIGHUP sent → the new text is the running one, in a process of its own. The floor: its handler has run. */
async function benchSignal(folder: string, report: Report): Promise<void> {
  const path = join(folder, 'signal.yaml');
  const script = `
    import { ConfigReloadManager } from ${JSON.stringify(join(import.meta.dirname, '../../src/manager/config-reload-manager.ts'))};
    const manager = new ConfigReloadManager({ path: ${JSON.stringify(path)} });
    process.on('SIGHUP', () => process.stdout.write('signal\\n'));
    manager.onEvent(() => process.stdout.write('swapped\\n'));
    await manager.start();
    process.stdout.write('up\\n');
    setInterval(() => {}, 1e6);`;
  replace(path, nextText());
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const waiting = new Map<string, () => void>();
  child.stdout.on('data', (chunk: Buffer) => {
    for (const word of chunk.toString().split('\n')) waiting.get(word)?.();
  });
  const word = (name: string) => new Promise<number>((resolve) => waiting.set(name, () => resolve(performance.now())));
  await word('up');
  const samples: number[] = [];
  const floors: number[] = [];
  for (let round = 0; round < 200; round++) {
    replace(path, nextText());
    const both = Promise.all([word('signal'), word('swapped')]);
    const sent = performance.now();
    child.kill('SIGHUP');
    const [signal, swapped] = await both;
    floors.push(signal - sent);
    samples.push(swapped - sent);
  }
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
  report(row('SIGHUP sent → swapped', samples, floors, 'handler has run'));
}

async function start(folder: string) {
  const path = join(folder, 'bench.yaml');
  const put = () => replace(path, nextText());
  put();
  const manager = new ConfigReloadManager({ path, handleSignals: false, logger });
  await manager.start();
  return { manager, path, put };
}

/** Through a rename, and as old as if nobody had just written it. */
function replace(path: string, content: string): void {
  writeFileSync(`${path}.new`, content);
  utimesSync(`${path}.new`, 1_700_000_000, 1_700_000_000 + counter);
  renameSync(`${path}.new`, path);
}

/** Milliseconds of each of `count` calls, after a tenth of them to warm up. */
async function sample(count: number, work: () => unknown, before: () => unknown = () => undefined): Promise<number[]> {
  const samples: number[] = [];
  for (let i = -count / 10; i < count; i++) {
    await before();
    const begin = performance.now();
    await work();
    if (i >= 0) samples.push(performance.now() - begin);
  }
  return samples;
}

function row(name: string, samples: readonly number[], floors: readonly number[], floorName: string): BenchRow {
  const fine = (value: number) => (value < 0.1 ? `${(value * 1000).toFixed(1)} µs` : `${value.toFixed(2)} ms`);
  const [p50, p99, floor50, floor99] = [
    percentile(samples, 0.5),
    percentile(samples, 0.99),
    percentile(floors, 0.5),
    percentile(floors, 0.99),
  ];
  return {
    name: `manager: ${name}`,
    measured: `p50 ${fine(p50)}, p99 ${fine(p99)}`,
    floor: `${floorName}: p50 ${fine(floor50)}, p99 ${fine(floor99)}`,
    ratio: `p50 ${(p50 / floor50).toFixed(1)}×, p99 ${(p99 / floor99).toFixed(1)}×`,
    target: '',
  };
}
