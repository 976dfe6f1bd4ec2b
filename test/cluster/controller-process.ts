import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { waitUntil } from './wait-until.ts';

export const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts');

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
  const launched = launchController(program, kubeconfig, ...args);
  afterAll(() => launched.end('SIGKILL'));
  const port = await waitUntil({
    what: 'the controller is ready',
    timeoutMs: 30_000,
    everyMs: 25,
    check: async () => {
      if (launched.hasEnded()) throw new Error(`the controller ended: ${launched.errors()}`);
      const listening = launched.port();
      if (listening === undefined) return undefined;
      const answer = await fetch(`http://127.0.0.1:${listening}/readyz`).catch(() => undefined);
      return answer?.ok ? listening : undefined;
    },
  });
  return {
    process: launched.process,
    port,
    log: launched.log,
    metrics: async () => (await fetch(`http://127.0.0.1:${port}/metrics`)).text(),
    kill: launched.end,
    stop: () => launched.end('SIGTERM'),
  };
}

/** The real controller as it comes up, ready or not; whoever launches it ends it. */
export interface LaunchedController {
  readonly process: ChildProcess;
  /** Its log, a line each, as objects. */
  readonly log: Record<string, unknown>[];
  /** What it wrote on standard error. */
  readonly errors: () => string;
  /** Of /healthz, /readyz and /metrics; undefined until it listens. */
  readonly port: () => number | undefined;
  readonly hasEnded: () => boolean;
  /** Signals it and waits for its end. */
  readonly end: (signal: NodeJS.Signals) => Promise<void>;
}

export function launchController(program: string, kubeconfig: string, ...args: readonly string[]): LaunchedController {
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
  return {
    process: child,
    log,
    errors: () => errors,
    port: () => log.find((line) => typeof line['port'] === 'number')?.['port'] as number | undefined,
    hasEnded,
    end: async (signal) => {
      if (hasEnded()) return;
      const exit = once(child, 'exit');
      child.kill(signal);
      await exit;
    },
  };
}
