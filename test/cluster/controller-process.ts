import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { waitUntil } from './wait-until.ts';

const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts');

/** The real controller as a process of its own. */
export interface ControllerProcess {
  readonly process: ChildProcess;
  /** Of /healthz, /readyz and /metrics. */
  readonly port: number;
  /** Its log, a line each, as objects. */
  readonly log: Record<string, unknown>[];
  metrics(): Promise<string>;
  kill(signal: NodeJS.Signals): Promise<void>;
  stop(): Promise<void>;
}

/** Starts it from its source, and waits until it is ready. It is ended after the file's tests at the latest. */
export function startController(kubeconfig: string, ...args: readonly string[]): Promise<ControllerProcess> {
  return startControllerOf(main, kubeconfig, ...args);
}

/** As `startController`, from another program: the bundle, say. */
export async function startControllerOf(
  program: string,
  kubeconfig: string,
  ...args: readonly string[]
): Promise<ControllerProcess> {
  const child = spawn(
    process.execPath,
    [program, 'controller', '--kubeconfig', kubeconfig, '--listen', '127.0.0.1:0', ...args],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const log: Record<string, unknown>[] = [];
  let errors = '';
  let rest = '';
  child.stdout.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) log.push(JSON.parse(line) as Record<string, unknown>);
  });
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (hasEnded()) return;
    const exit = once(child, 'exit');
    child.kill(signal);
    await exit;
  };
  afterAll(() => end('SIGKILL'));
  const port = await waitUntil({
    what: 'the controller is ready',
    timeoutMs: 30_000,
    everyMs: 25,
    check: async () => {
      if (hasEnded()) throw new Error(`the controller ended: ${errors}`);
      const listening = log.find((line) => typeof line['port'] === 'number')?.['port'] as number | undefined;
      if (listening === undefined) return undefined;
      const answer = await fetch(`http://127.0.0.1:${listening}/readyz`).catch(() => undefined);
      return answer?.ok ? listening : undefined;
    },
  });
  return {
    process: child,
    port,
    log,
    metrics: async () => (await fetch(`http://127.0.0.1:${port}/metrics`)).text(),
    kill: end,
    stop: () => end('SIGTERM'),
  };
}
