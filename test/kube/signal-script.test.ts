import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ReloadSignal } from '../../src/core/annotations.ts';
import { contentHash } from '../../src/core/content-hash.ts';
import { readAnswer, signalCommand } from '../../src/kube/signal-script.ts';

const text = 'version: "2.0"\n';
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'signal-script-'));
  writeFileSync(join(folder, 'mcp.yaml'), text);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Neighbour {
  readonly name: string;
  readonly child: ChildProcess;
  /** Everything it wrote so far. */
  readonly output: () => string;
}

/** A real process; started when it says `up`. */
async function start(name: string, file: string, args: readonly string[]): Promise<Neighbour> {
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  cleanups.push(() => {
    child.kill('SIGKILL');
    return ended;
  });
  let output = '';
  const up = Promise.withResolvers<unknown>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (piece: Buffer) => {
      output += piece.toString();
      if (output.includes('up')) up.resolve(undefined);
    });
  }
  await up.promise;
  return { name, child, output: () => output };
}

let count = 0;
const newName = () => `lsig-${process.pid % 100_000}-${count++}`;

/** A Node.js of a name of its own, as a program gives itself by `process.title`. */
function startNode(options: readonly string[], script = ''): Promise<Neighbour> {
  const name = newName();
  const code = `process.title = ${JSON.stringify(name)}; ${script}; console.log('up'); setInterval(() => {}, 1e6);`;
  return start(name, process.execPath, [...options, '-e', code]);
}

/** A shell under another name. */
function startShell(name: string, script: string): Promise<Neighbour> {
  const shell = join(folder, name);
  copyFileSync('/bin/sh', shell);
  chmodSync(shell, 0o755);
  return start(name, shell, ['-c', `${script}; echo up; while :; do sleep 0.02; done`]);
}

/** Runs the script here as the runtime does in a container, and gives its word. */
async function send(signal: ReloadSignal, name: string): Promise<string | undefined> {
  const given = { file: join(folder, 'mcp.yaml'), hash: contentHash(text), waitMs: 0, startedAt: undefined };
  const [file = '', ...args] = signalCommand({ ...given, signal, process: name });
  const { stdout } = await promisify(execFile)(file, args);
  return readAnswer(stdout)?.word;
}

describe.runIf(process.platform === 'linux')('the script, beside real processes', () => {
  test.each(['SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const)('%s reaches a process that catches it', async (signal) => {
    const { name, output } = await startShell(newName(), `trap 'echo caught' ${signal.slice(3)}`);
    expect(await send(signal, name)).toBe('signalled');
    expect(output()).toContain('caught');
  });

  test('nothing is sent to one that does not catch it', async () => {
    const { name, child } = await startShell(newName(), ':');
    expect(await send('SIGHUP', name)).toBe('starting');
    expect(child.exitCode ?? child.signalCode).toBeNull();
  });

  test('SIGUSR1 opens no debugger of Node.js, which catches it as if to reload', async () => {
    const { name, child, output } = await startNode(['--inspect-port=0']);
    // Its inspector catches it: the check of what is caught does not see it.
    expect(readFileSync(`/proc/${child.pid}/status`, 'utf8')).toMatch(/^SigCgt:.*[2367abef]..$/m);
    expect(await send('SIGUSR1', name)).toBe('debugger');
    expect(output()).not.toContain('Debugger');
  });

  test('nor of a version whose threads all have the name of the program', async () => {
    const rename = `const fs = require('node:fs');
      for (const task of fs.readdirSync('/proc/self/task').filter((id) => id !== String(process.pid))) {
        fs.writeFileSync('/proc/self/task/' + task + '/comm', 'node');
      }`;
    const { name, output } = await startNode(
      ['--disable-sigusr1'],
      `process.on('SIGUSR1', () => console.log('caught')); ${rename}`,
    );
    expect(await send('SIGUSR1', name)).toBe('debugger');
    expect(output()).not.toContain('caught');
  });

  test('Node.js reloads by SIGUSR2 and SIGHUP, and by SIGUSR1 where that is its own', async () => {
    const handlers = ['SIGHUP', 'SIGUSR1', 'SIGUSR2'].map((name) => `process.on('${name}', () => {})`).join(';');
    const { name } = await startNode([], handlers);
    expect(await send('SIGHUP', name)).toBe('signalled');
    expect(await send('SIGUSR2', name)).toBe('signalled');
    const own = await startNode(['--disable-sigusr1'], handlers);
    expect(await send('SIGUSR1', own.name)).toBe('signalled');
  });
});
