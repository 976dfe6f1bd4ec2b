import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import command from '../../src/cli/manager.ts';
import { CommandError } from '../../src/cli/command.ts';
import { readManagerSettings } from '../../src/cli/manager-settings.ts';
import { afterTest, goodText, invalidText, newWorkspace, until } from '../manager/workspace.ts';

const main = join(import.meta.dirname, '../../src/main.ts');

/** The real command in a process of its own. */
function start(args: readonly string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [main, 'manager', ...args], { env: { ...process.env, ...env } });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  afterTest(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const lines = () =>
    output
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { child, ended, lines, output: () => output };
}

async function listening(run: ReturnType<typeof start>): Promise<string> {
  await until('the endpoint', () => run.lines().some(({ msg }) => msg === 'listening'));
  const port = Number(run.lines().find(({ msg }) => msg === 'listening')?.port);
  const base = `http://127.0.0.1:${port}`;
  await until('the first load', async () => (await fetch(`${base}/readyz`)).status === 200);
  return base;
}

const io = () => ({
  stdin: new PassThrough(),
  stdout: new PassThrough(),
  stderr: new PassThrough(),
  signal: new AbortController().signal,
});

describe('leindex-reloader manager', () => {
  it('reloads on a real SIGHUP, loses none of many, keeps what runs where the file is bad, and ends cleanly on SIGTERM', async () => {
    const workspace = newWorkspace();
    const run = start(['--config', workspace.path, '--listen', '127.0.0.1:0']);
    const base = await listening(run);
    const state = async () => (await (await fetch(`${base}/v1/config`)).json()) as { hash: string };
    for (let size = 60; size < 70; size++) {
      const hash = workspace.write(goodText(size));
      for (let i = 0; i < 5; i++) run.child.kill('SIGHUP');
      await until(`batch size ${size}`, async () => (await state()).hash === hash);
    }
    const good = (await state()).hash;
    workspace.write(invalidText);
    run.child.kill('SIGHUP');
    await until('the refusal', () => run.lines().some(({ result }) => result === 'validation_failed'));
    expect((await state()).hash).toBe(good);
    run.child.kill('SIGTERM');
    expect(await run.ended).toBe(0);
    expect(run.lines().at(-1)).toMatchObject({ msg: 'stopped' });
  });

  it('ignores SIGHUP with --no-sighup: neither reloads nor ends', async () => {
    const workspace = newWorkspace();
    const flags = ['--no-sighup', '--log-level', 'debug', '--listen', '127.0.0.1:0'];
    const run = start(['--config', workspace.path, ...flags]);
    const base = await listening(run);
    workspace.write(goodText(60));
    run.child.kill('SIGHUP');
    await until('the signal', () => run.lines().some(({ msg }) => /SIGHUP is ignored/.test(String(msg))));
    expect(await (await fetch(`${base}/v1/stats`)).json()).toMatchObject({ totalReloads: 0 });
    run.child.kill('SIGTERM');
    expect(await run.ended).toBe(0);
  });

  it('shows a good first load as the last success, and none where nothing was loaded', async () => {
    const metricsOf = async (base: string) => (await fetch(`${base}/metrics`)).text();
    const started = Date.now() / 1000;
    const loaded = await metricsOf(
      await listening(start(['--config', newWorkspace().path, '--listen', '127.0.0.1:0'])),
    );
    expect(loaded).toContain('leindex_config_last_reload_successful 1');
    const shown = Number(/^leindex_config_last_reload_success_timestamp_seconds (\S+)$/m.exec(loaded)?.[1]);
    expect(shown).toBeGreaterThanOrEqual(Math.floor(started));
    expect(shown).toBeLessThanOrEqual(Date.now() / 1000 + 1);

    const without = start(['--config', newWorkspace(null).path, '--listen', '127.0.0.1:0']);
    await until('the report', () => without.lines().some(({ result }) => result === 'file_not_found'));
    const { port } = without.lines().find(({ msg }) => msg === 'listening') as { port: number };
    const missing = await metricsOf(`http://127.0.0.1:${port}`);
    expect(missing).toContain('leindex_config_last_reload_successful 0');
    expect(missing).toContain('leindex_config_last_reload_success_timestamp_seconds 0');
  });

  it('reads its flags from the environment too, and stays up without a valid file', async () => {
    const workspace = newWorkspace(null);
    const run = start([], {
      LEINDEX_RELOADER_CONFIG: workspace.path,
      LEINDEX_RELOADER_LISTEN: '127.0.0.1:0',
      LEINDEX_RELOADER_WATCH: 'true',
    });
    await until('the endpoint', () => run.lines().some(({ msg }) => msg === 'listening'));
    await until('the report', () => run.lines().some(({ result }) => result === 'file_not_found'));
    const hash = workspace.write(goodText(60));
    const base = await listening(run);
    expect(await (await fetch(`${base}/v1/config`)).json()).toMatchObject({ hash });
  });

  it('says what is wrong with its flags (exit code 2), and cannot listen twice on one port (3)', async () => {
    const { path } = newWorkspace();
    const wrong = [
      [],
      ['--config', path, '--listen', '0.0.0.0:0'],
      ['--config', path, '--listen', 'nonsense'],
      ['--config', path, '--tls-cert', 'x'],
      ['--config', path, '--signal-process', '.*'],
      ['--config', path, '--signal-process', 'x', '--signal', 'SIGKILL'],
      ['--config', path, '--signal-process', 'x', '--reload-url', 'http://127.0.0.1/'],
      ['--config', path, '--reload-url', 'http://example.org/'],
      ['--config', path, '--write-to', 'x'],
      ['--config', path, '--notify', 'file:///x'],
      ['--config', path, '--max-config-bytes', '0'],
    ];
    for (const argv of wrong) {
      const error = await command.run(argv, io()).catch((caught: unknown) => caught);
      expect(error, argv.join(' ')).toBeInstanceOf(CommandError);
      expect((error as CommandError).exitCode, argv.join(' ')).toBe(2);
    }
    const run = start(['--config', path, '--listen', '127.0.0.1:0']);
    const { port } = new URL(await listening(run));
    await expect(command.run(['--config', path, '--listen', `127.0.0.1:${port}`], io())).rejects.toMatchObject({
      exitCode: 3,
    });
    const tokenFile = newWorkspace(null).in('token');
    writeFileSync(tokenFile, '');
    await expect(
      command.run(['--config', path, '--listen', '0.0.0.0:0', '--token-file', tokenFile], io()),
    ).rejects.toMatchObject({ exitCode: 3 });
  });

  it('takes a webhook whose URL has a comma in its query', () => {
    const notify = ['http://127.0.0.1:9/a?x=1,2', 'https://127.0.0.1:9/b'];
    expect(readManagerSettings(['--config', 'x', '--notify', notify.join(',')], io())).toMatchObject({ notify });
  });

  it('a second SIGTERM leaves at once, also where a reload hangs', async () => {
    const workspace = newWorkspace();
    const run = start([
      '--config',
      workspace.path,
      '--listen',
      '127.0.0.1:0',
      '--reload-url',
      'http://127.0.0.1:9/',
      '--reload-attempts',
      '20',
    ]);
    const base = await listening(run);
    workspace.write(goodText(60));
    void fetch(`${base}/v1/reload`, { method: 'POST' }).catch(() => undefined);
    run.child.kill('SIGTERM');
    await until('the stop to begin', () => run.lines().some(({ msg }) => msg === 'stopping'));
    run.child.kill('SIGTERM');
    expect([0, 143]).toContain(await run.ended);
  });
});
