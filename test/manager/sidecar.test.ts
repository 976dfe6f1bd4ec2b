import { spawn, type ChildProcess } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
  existsSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { HttpTarget } from '../../src/manager/http-target.ts';
import { PublishingTarget } from '../../src/manager/publishing-target.ts';
import { RetryingTarget } from '../../src/manager/retrying-target.ts';
import { SignalTarget } from '../../src/manager/signal-target.ts';
import { afterTest, goodText, invalidText, newWorkspace, startManager, until } from './workspace.ts';

let names = 0;
/** A real shell process of a name of its own, which runs the script. */
async function startNeighbour(
  script: string,
  name = `leix-${process.pid % 100_000}-${names++}`,
): Promise<{ name: string; child: ChildProcess; log: string; ended: Promise<unknown> }> {
  const folder = newWorkspace(null);
  const shell = folder.in(name);
  copyFileSync('/bin/sh', shell);
  chmodSync(shell, 0o755);
  const log = folder.in('log');
  writeFileSync(log, '');
  const child = spawn(shell, ['-c', script.replaceAll('LOG', log)], { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  afterTest(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  await until(
    'the process',
    () => readFileSync(`/proc/${child.pid}/comm`, 'utf8').trim() === name && readFileSync(log, 'utf8').includes('up'),
  );
  return { name, child, log, ended };
}

const catches = "trap 'echo hup >> LOG' HUP; echo up >> LOG; while :; do sleep 0.02; done";
const ignores = 'echo up >> LOG; while :; do sleep 0.02; done';
const dies = "trap 'exit 3' HUP; echo up >> LOG; while :; do sleep 0.02; done";

const hups = (log: string) =>
  readFileSync(log, 'utf8')
    .split('\n')
    .filter((line) => line === 'hup').length;

describe('SignalTarget, beside real processes', () => {
  it('validates first, then signals, and only what is valid', async () => {
    const { name, log } = await startNeighbour(catches);
    const { manager, workspace } = await startManager({
      target: new SignalTarget({ processName: name, settleMs: 100 }),
    });
    expect(hups(log)).toBe(0);
    workspace.write(invalidText);
    expect((await manager.reloadConfig()).result).toBe('validation_failed');
    workspace.write(goodText(60));
    expect(await manager.reloadConfig()).toMatchObject({ result: 'success', reason: 'SignalDelivered' });
    await until('the trap', () => hups(log) === 1);
    expect(await manager.reloadConfig()).toMatchObject({ unchanged: true });
    expect(hups(log)).toBe(1);
  });

  it('promise 3: sends nothing to a process that does not catch the signal', async () => {
    const { name, child } = await startNeighbour(ignores);
    const { manager, workspace } = await startManager({
      target: new SignalTarget({ processName: name, settleMs: 50 }),
    });
    workspace.write(goodText(60));
    const outcome = await manager.reloadConfig();
    expect(outcome).toMatchObject({ result: 'io_error', reason: 'SignalNotHandled' });
    expect(outcome.event.errorMessage).toContain('SIGHUP');
    expect(child.exitCode).toBeNull();
    expect(child.signalCode).toBeNull();
    expect(manager.getCurrentConfig()?.performance.batch_size).toBe(50);
  });

  it('sends no SIGUSR1 to a process of Node.js: it would open its debugger, and count as a reload', async () => {
    const name = `leix-node-${process.pid % 100_000}`;
    const program = `process.title = '${name}'; setInterval(() => undefined, 1000)`;
    const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (piece: Buffer) => (said += piece.toString()));
    afterTest(() => void child.kill('SIGKILL'));
    await until('the process', () => readFileSync(`/proc/${child.pid}/comm`, 'utf8').trim() === name);
    const { manager, workspace } = await startManager({
      target: new SignalTarget({ processName: name, signal: 'SIGUSR1', settleMs: 300 }),
    });
    workspace.write(goodText(60));
    const outcome = await manager.reloadConfig();
    expect(outcome).toMatchObject({ result: 'io_error', reason: 'SignalNotHandled' });
    expect(outcome.event.errorMessage).toContain('debugger');
    expect(said).toBe('');
  });

  it('says that the process ended within the settling time', async () => {
    const { name } = await startNeighbour(dies);
    const { manager, workspace } = await startManager({
      target: new SignalTarget({ processName: name, settleMs: 300 }),
    });
    workspace.write(goodText(60));
    expect(await manager.reloadConfig()).toMatchObject({ result: 'io_error', reason: 'ProcessCrashed' });
  });

  it('says that there is none, or more than one', async () => {
    const { manager, workspace } = await startManager({
      target: new SignalTarget({ processName: 'leix-nobody', settleMs: 10 }),
    });
    workspace.write(goodText(60));
    expect(await manager.reloadConfig()).toMatchObject({ result: 'io_error', reason: 'ProcessNotFound' });
    const first = await startNeighbour(catches);
    const second = await startNeighbour(catches, first.name);
    const two = await startManager({ target: new SignalTarget({ processName: first.name, settleMs: 10 }) });
    two.workspace.write(goodText(60));
    const outcome = await two.manager.reloadConfig();
    expect(outcome.reason).toBe('ProcessNotFound');
    expect(outcome.event.errorMessage).toMatch(/^2 processes/);
    expect([hups(first.log), hups(second.log)]).toEqual([0, 0]);
  });

  it('signals the parent where the others of its name are its children', async () => {
    const { name, log, child } = await startNeighbour(
      catches.replace('while', '(while :; do sleep 0.05; done) & while'),
    );
    await until('its child of the same name', () => pidsNamed(name).length >= 2);
    const { manager, workspace } = await startManager({
      target: new SignalTarget({ processName: name, settleMs: 50 }),
    });
    workspace.write(goodText(60));
    expect((await manager.reloadConfig()).reason).toBe('SignalDelivered');
    await until('the trap', () => hups(log) === 1);
    for (const pid of pidsNamed(name)) if (pid !== child.pid) process.kill(pid, 'SIGKILL');
  });

  it('takes literal names of at most 15 characters', () => {
    const wrong = ['', '.*', 'a b', 'a'.repeat(16), 'a\nb', '../x', 'a;b', '$(id)', '-1 2', 'ä'];
    for (const processName of wrong) expect(() => new SignalTarget({ processName }), processName).toThrow(TypeError);
    expect(() => new SignalTarget({ processName: 'nginx-1.2_x' })).not.toThrow();
  });

  it('tells the process at the start only where asked to, or where the kept history ended with another text', async () => {
    const { name, log } = await startNeighbour(catches);
    const target = new SignalTarget({ processName: name, settleMs: 50 });
    const historyFile = newWorkspace(null).in('history');
    const first = await startManager({ target, historyFile });
    await until('start', () => first.manager.getState() === 'running');
    expect(hups(log)).toBe(0);
    first.workspace.write(goodText(60));
    await first.manager.reloadConfig();
    await first.manager.stop();
    const same = await startManager({ target, historyFile, text: goodText(60) });
    await same.manager.stop();
    await until('one signal', () => hups(log) === 1);
    const other = await startManager({ target, historyFile, text: goodText(70) });
    expect(other.started).toMatchObject({ reason: 'SignalDelivered' });
    await until('another', () => hups(log) === 2);
    await startManager({ target, initialApply: 'always', text: goodText(70) });
    await until('a third', () => hups(log) === 3);
  });

  it('with a file of its own for validated texts, the process never sees another, and a push needs no file', async () => {
    const { name, log } = await startNeighbour(catches);
    const out = newWorkspace(null);
    const target = new PublishingTarget(out.in('valid.yaml'), new SignalTarget({ processName: name, settleMs: 50 }));
    const { manager, workspace } = await startManager({ target, initialApply: 'always' });
    expect(readFileSync(out.in('valid.yaml'), 'utf8')).toBe(goodText(50));
    await until('the first signal', () => hups(log) === 1);
    workspace.write(invalidText);
    await manager.reloadConfig();
    expect(readFileSync(out.in('valid.yaml'), 'utf8')).toBe(goodText(50));
    expect((await manager.reloadConfig({ config: goodText(80) })).result).toBe('success');
    expect(readFileSync(out.in('valid.yaml'), 'utf8')).toBe(goodText(80));
    await until('two signals', () => hups(log) === 2);
    expect(readdirSync(out.folder)).toEqual(['valid.yaml']);
  });

  it('F39: where the file cannot be written, the old one stays and no signal is sent', async () => {
    const out = newWorkspace(null);
    mkdirSync(out.in('valid.yaml')); // a folder in the way of the rename
    let calls = 0;
    const next = { readsFile: true, apply: () => Promise.resolve((calls++, 'SignalDelivered' as const)) };
    const { manager, workspace } = await startManager({ target: new PublishingTarget(out.in('valid.yaml'), next) });
    workspace.write(goodText(60));
    expect(await manager.reloadConfig()).toMatchObject({ result: 'io_error', reason: 'PublishFailed' });
    expect([calls, existsSync(out.in('valid.yaml')), readdirSync(out.folder).length]).toEqual([0, true, 1]);
    rmSync(out.in('valid.yaml'), { recursive: true });
    expect((await manager.reloadConfig()).result).toBe('success');
  });

  it('a pushed text reaches a process that reads the file only through the file', async () => {
    let calls = 0;
    const target = { readsFile: true, apply: () => Promise.resolve((calls++, 'SignalDelivered' as const)) };
    const { manager, workspace } = await startManager({ target, hashTimeoutMs: 3000 });
    expect((await manager.reloadConfig({ config: invalidText })).result).toBe('validation_failed');
    const pushed = manager.reloadConfig({ config: goodText(60) });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(calls).toBe(0);
    workspace.write(goodText(60));
    expect(await pushed).toMatchObject({ result: 'success', reason: 'SignalDelivered' });
    expect(calls).toBe(1);
  });

  it('a pushed text that the file does not bring in time is not used, and is loaded when it comes', async () => {
    let calls = 0;
    const target = { readsFile: true, apply: () => Promise.resolve((calls++, 'SignalDelivered' as const)) };
    const { manager, workspace } = await startManager({ target, watch: true, hashTimeoutMs: 50 });
    expect(await manager.reloadConfig({ config: goodText(60) })).toMatchObject({ reason: 'PropagationTimeout' });
    expect([calls, manager.getCurrentConfig()?.performance.batch_size]).toEqual([0, 50]);
    const hash = workspace.write(goodText(60));
    await until('the watch', () => manager.getRunning()?.hash === hash);
    expect(calls).toBe(1);
  });
});

function pidsNamed(name: string): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === name;
      } catch {
        return false;
      }
    });
}

describe('HttpTarget', () => {
  const script: number[] = [];
  async function startServer() {
    const seen: string[] = [];
    const server = createServer((request, response) => {
      seen.push(`${request.method} ${request.url}`);
      const code = script.shift() ?? 200;
      if (code === 0) return; // hangs
      response.writeHead(code, code === 302 ? { location: '/elsewhere' } : {}).end('x'.repeat(100_000));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
    afterTest(() => {
      server.closeAllConnections();
      server.close();
    });
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/-/reload`, seen };
  }

  it('asks once, takes the expected status, and names every other end', async () => {
    const { url, seen } = await startServer();
    const table: [number, string][] = [
      [200, 'EndpointConfirmed'],
      [204, 'EndpointConfirmed'],
      [302, 'EndpointRedirected'],
      [400, 'EndpointRefused'],
      [401, 'EndpointUnauthorized'],
      [404, 'EndpointNotFound'],
      [409, 'EndpointBusy'],
      [503, 'EndpointFailed'],
      [0, 'EndpointTimeout'],
    ];
    for (const [code, reason] of table) {
      script.push(code);
      const { manager, workspace } = await startManager({ target: new HttpTarget({ url, timeoutMs: 200 }) });
      workspace.write(goodText(60));
      expect((await manager.reloadConfig()).reason).toBe(reason);
      await manager.stop();
    }
    expect(new Set(seen)).toEqual(new Set(['POST /-/reload']));
    script.push(202);
    const { manager, workspace } = await startManager({
      target: new HttpTarget({ url, method: 'GET', expectStatus: 202 }),
    });
    workspace.write(goodText(60));
    expect((await manager.reloadConfig()).result).toBe('success');
  });

  it('tries again where that may help, and not where it cannot', async () => {
    const { url, seen } = await startServer();
    const target = () => new RetryingTarget(new HttpTarget({ url }), { attempts: 3, firstDelayMs: 5 });
    script.push(503, 503, 200);
    const first = await startManager({ target: target() });
    first.workspace.write(goodText(60));
    expect((await first.manager.reloadConfig()).result).toBe('success');
    expect(seen).toHaveLength(3);
    script.push(401);
    const second = await startManager({ target: target() });
    second.workspace.write(goodText(60));
    expect((await second.manager.reloadConfig()).reason).toBe('EndpointUnauthorized');
    expect(seen).toHaveLength(4);
  });

  it('stays on this machine unless told otherwise', () => {
    const wrong = [
      'http://example.org/',
      'http://169.254.169.254/latest',
      'http://0x7f000001.example/',
      'file:///etc/passwd',
      'http://user:pw@127.0.0.1/',
      'x',
      '//127.0.0.1',
    ];
    for (const url of wrong) expect(() => new HttpTarget({ url }), url).toThrow(TypeError);
    for (const url of ['http://127.0.0.1:9090/-/reload', 'http://localhost/', 'https://[::1]:1/'])
      expect(() => new HttpTarget({ url })).not.toThrow();
    expect(() => new HttpTarget({ url: 'http://example.org/', allowRemote: true })).not.toThrow();
  });
});
