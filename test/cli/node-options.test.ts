import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { goodText } from '../manager/workspace.ts';

const { SIGHUP, SIGUSR1 } = constants.signals;
const root = join(import.meta.dirname, '../..');
const main = join(root, 'src/main.ts');
/** Of the first line, which the bundle keeps. */
const [, ...options] = /^#!\/usr\/bin\/env -S (.+)$/m.exec(readFileSync(main, 'utf8'))?.[1]?.split(' ') ?? [];

test('the image starts Node as the first line of the command does', () => {
  const entrypoint = /^ENTRYPOINT (.+)$/m.exec(readFileSync(join(root, 'Dockerfile'), 'utf8'))?.[1];
  expect(JSON.parse(entrypoint ?? '')).toEqual(['/usr/local/bin/node', ...options, '/app/dist/leindex-reloader.js']);
});

test.runIf(process.platform === 'linux')(
  'a running sidecar does not catch SIGUSR1, at which Node opens its debugger',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'node-options-'));
    const config = join(folder, 'mcp_config.yaml');
    writeFileSync(config, goodText());
    const child = spawn(process.execPath, [...options, main, 'manager', '--config', config, '--listen', '127.0.0.1:0']);
    const ended = new Promise((resolve) => child.once('exit', resolve));
    onTestFinished(async () => {
      child.kill('SIGKILL');
      await ended;
      rmSync(folder, { recursive: true });
    });
    const catches = (signal: number) => {
      const mask = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? '';
      return Boolean((BigInt(`0x${mask}`) >> BigInt(signal - 1)) & 1n);
    };
    // Once it catches SIGHUP, it has long been past the moment where Node takes SIGUSR1.
    await vi.waitFor(() => expect(catches(SIGHUP)).toBe(true), 10_000);
    expect(catches(SIGUSR1)).toBe(false);
  },
);
