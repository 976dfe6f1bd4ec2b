import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { waitUntil } from '../cluster/wait-until.ts';

/** `BENCH_BUNDLE` names another one, as that of an earlier version. */
const bundle = process.env['BENCH_BUNDLE'] ?? join(import.meta.dirname, '..', '..', 'dist', 'leindex-reloader.js');

export interface ControllerUnderTest {
  readonly pid: number;
  /** From the start of the process until /readyz says ok, milliseconds. */
  readonly readyMs: number;
  /** Resident memory, bytes. */
  rss(): number;
  /** Processor time used so far, milliseconds. */
  cpuMs(): number;
  metrics(): Promise<string>;
  stop(): Promise<void>;
}

/** Starts the bundle that `npm run build` made and waits until it is ready. */
export async function startBundle(kubeconfig: string, ...args: readonly string[]): Promise<ControllerUnderTest> {
  const started = performance.now();
  const child = spawn(
    bundle, // by its first line, which names node and its flags, as the image does
    ['controller', '--kubeconfig', kubeconfig, '--listen', '127.0.0.1:0', '--log-level', 'info', ...args],
    { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, NODE_OPTIONS: '' } },
  );
  let port: number | undefined;
  let rest = '';
  child.stdout.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const entry = JSON.parse(line) as { port?: number; level: number };
      port ??= entry.port;
      if (entry.level >= 40 && process.env['BENCH_VERBOSE']) process.stderr.write(`${line}\n`);
    }
  });
  const ready = async () => {
    if (child.exitCode !== null) throw new Error('the controller ended');
    return port !== undefined && (await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined))?.ok === true;
  };
  await waitUntil({ what: 'the controller is ready', check: ready, everyMs: 5, timeoutMs: 120_000 });
  const readyMs = performance.now() - started;
  return {
    pid: child.pid!,
    readyMs,
    rss: () => readRss(child.pid!),
    cpuMs: () => readCpuMs(child.pid!),
    metrics: async () => (await fetch(`http://127.0.0.1:${port}/metrics`)).text(),
    stop: async () => {
      const exit = once(child, 'exit');
      child.kill('SIGTERM');
      await exit;
    },
  };
}

export function readRss(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  if (!line) throw new Error(`no VmRSS of process ${pid}`);
  return Number(line[1]) * 1024;
}

/** User and system time of a process, in steps of 10 ms: what other processes of the machine do does not count. */
export function readCpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
