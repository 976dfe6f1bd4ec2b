import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, inject, test } from 'vitest';
import { run } from '../cluster/run.ts';
import { waitUntil } from '../cluster/wait-until.ts';

const demo = join(import.meta.dirname, '..', 'demo', 'demo.ts');

/** Runs the demo as the foreground group of a terminal, with a temporary folder of its own; `interruptAt`: Ctrl-C at that text. */
async function runDemo(args: readonly string[], interruptAt?: string) {
  // Not below the usual one: the path of a socket in it has at most 107 bytes.
  const folder = await mkdtemp('/tmp/demo-');
  try {
    const child = spawn(process.execPath, [demo, ...args], {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, TMPDIR: folder },
    });
    let shown = '';
    let errors = '';
    let isInterrupted = false;
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    child.stdout.on('data', (chunk: Buffer) => {
      shown += chunk.toString();
      if (isInterrupted || interruptAt === undefined || !shown.includes(interruptAt)) return;
      isInterrupted = true;
      process.kill(-child.pid!, 'SIGINT');
    });
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
    // The watchdog looks once more after its owner has ended.
    await waitUntil({
      what: 'no process of the demo is left',
      timeoutMs: 20_000,
      check: async () => !(await run('ps', ['-eo', 'args'])).includes(folder),
    });
    return {
      code,
      shown,
      errors,
      left: (await readdir(folder)).filter((name) => name.startsWith('leindex-reloader')),
      mounts: await run('cat', ['/proc/self/mountinfo']),
      folder,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

test('the demo, where no node can run, shows the change and the refusal by endpoints', async () => {
  const { code, shown, errors, left } = await runDemo(['--no-node']);
  expect(`${code} ${errors}`).toMatch(/^0 /);
  expect(shown).toMatch(/no node can run here/);
  expect(shown).toMatch(/1\. A real Kubernetes[^]*2\. [^]*3\. Edit the ConfigMap[^]*4\. An invalid edit/);
  expect(shown).toMatch(/Both run the new configuration[^]*by-endpoint-1 +4096 +0\n +by-endpoint-2 +4096 +0/);
  expect(shown).toMatch(/Warning +ValidationFailed .*mcp_config\.yaml:4:20 memory\.global_index_mb/);
  expect(shown).toMatch(/Nobody was touched:[^]*by-endpoint-1 +4096 +0\n +by-endpoint-2 +4096 +0/);
  expect(left).toEqual([]);
});

test('Ctrl-C in the middle of the demo leaves nothing on the machine', async ({ skip }) => {
  if ('missing' in inject('node')) skip('no node can run here');
  const { code, shown, left, mounts, folder } = await runDemo([], '3. Edit the ConfigMap');
  expect(code).toBe(130);
  expect(shown).not.toMatch(/4\. An invalid edit/);
  expect(left).toEqual([]);
  expect(mounts).not.toContain(folder);
});
