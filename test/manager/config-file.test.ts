import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { contentHash } from '../../src/core/content-hash.ts';
import { readConfigFile } from '../../src/manager/config-file.ts';
import { afterTest, goodText, newWorkspace } from './workspace.ts';

const read = (path: string, more: Partial<Parameters<typeof readConfigFile>[0]> = {}) =>
  readConfigFile({ path, maxBytes: 65_536, ...more });

describe('readConfigFile', () => {
  it('gives the bytes and their hash', async () => {
    const { path } = newWorkspace(goodText(60));
    const found = await read(path);
    expect(found).toMatchObject({ kind: 'text', hash: contentHash(goodText(60)) });
    expect(found.kind === 'text' && Buffer.from(found.bytes).toString()).toBe(goodText(60));
  });

  it('takes exactly the cap, and refuses one byte more, in multibyte characters too', async () => {
    const { path, write } = newWorkspace();
    for (const [content, kind] of [
      ['a'.repeat(100), 'text'],
      ['a'.repeat(101), 'failed'],
      ['é'.repeat(50), 'text'],
      [`${'é'.repeat(50)}a`, 'failed'],
    ] as const) {
      write(content);
      const found = await read(path, { maxBytes: 100 });
      expect(found.kind).toBe(kind);
      if (found.kind === 'failed') expect(found.reason).toBe('ConfigTooLarge');
    }
  });

  it('refuses what is no file, without blocking: folder, FIFO, device, dangling link, loop, no right to read', async () => {
    const { in: at, path } = newWorkspace();
    mkdirSync(at('folder'));
    execFileSync('mkfifo', [at('fifo')]);
    symlinkSync(at('nowhere'), at('dangling'));
    symlinkSync(at('loop'), at('loop'));
    const cases = {
      [at('folder')]: 'NotAFile',
      [at('fifo')]: 'NotAFile',
      '/dev/zero': 'NotAFile',
      [at('dangling')]: 'FileMissing',
      [at('loop')]: 'FileUnreadable',
      [at('absent')]: 'FileMissing',
      [`${path}/below`]: 'FileMissing',
    };
    for (const [name, reason] of Object.entries(cases)) {
      expect(await read(name), name).toMatchObject({ kind: 'failed', reason });
    }
    chmodSync(path, 0o000);
    // Root may read anything.
    const asRoot = process.getuid?.() === 0;
    expect(await read(path)).toMatchObject(asRoot ? { kind: 'text' } : { kind: 'failed', reason: 'FileUnreadable' });
  });

  it('says that a file which never rests does not, instead of reading part of it', async () => {
    const { path } = newWorkspace();
    const touch = () => writeFileSync(path, goodText(10 + (Date.now() % 400)));
    touch();
    const timer = setInterval(touch, 5);
    afterTest(() => clearInterval(timer));
    expect(await read(path, { deadlineMs: 200 })).toMatchObject({ kind: 'failed', reason: 'FileUnstable' });
  });

  it('ends at once when it is told to', async () => {
    const { path } = newWorkspace();
    expect(await read(path, { signal: AbortSignal.abort() })).toMatchObject({ kind: 'failed', reason: 'Aborted' });
  });

  it('F40: never takes a prefix of what a slow writer is writing (10,000 rewrites in place)', async () => {
    const { path } = newWorkspace('0'.repeat(500) + '\n');
    const rounds = 10_000;
    const quietMs = 25;
    const state = new Int32Array(new SharedArrayBuffer(8));
    // Truncates and writes in three pieces. A writer that is itself held up in the middle of a text (on a busy machine) for as
    // long as the quiet time cannot be told from one that has ended: it adds up for how long that was, in milliseconds.
    const writer = new Worker(
      `const { workerData: { path, rounds, quietMs, state } } = require('node:worker_threads');
       const { openSync, writeSync, closeSync } = require('node:fs');
       for (let round = 1; round <= rounds; round++) {
         const line = String(round % 10).repeat(500) + '\\n';
         let last = performance.now();
         const step = () => {
           const now = performance.now();
           if (now - last > quietMs / 2) Atomics.add(state, 0, Math.ceil(now - last));
           last = now;
         };
         const file = openSync(path, 'w');
         step();
         for (const [from, to] of [[0, 100], [100, 300], [300, 501]]) {
           writeSync(file, line.slice(from, to));
           step();
         }
         closeSync(file);
         if (round % 500 === 0) Atomics.wait(state, 1, 0, 60);
       }`,
      { eval: true, workerData: { path, rounds, quietMs, state } },
    );
    const ended = new Promise<void>((resolve, reject) => writer.once('exit', () => resolve()).once('error', reject));
    let isDone = false as boolean;
    void ended.then(() => (isDone = true));
    let texts = 0;
    const prefixes: number[] = [];
    while (!isDone) {
      const found = await read(path, { quietMs, deadlineMs: 100 });
      if (found.kind !== 'text') continue;
      texts++;
      if (!/^(\d)\1{499}\n$/.test(Buffer.from(found.bytes).toString())) prefixes.push(found.bytes.length);
    }
    await ended;
    expect(texts).toBeGreaterThan(5);
    const heldUpMs = Atomics.load(state, 0);
    expect(prefixes.length, `the writer was held up for ${heldUpMs} ms`).toBeLessThanOrEqual(heldUpMs / (quietMs / 2));
  });

  it('F41: never mixes two generations of a volume whose ..data is swapped all the time', async () => {
    const { in: at } = newWorkspace(null);
    const generation = (n: number) => {
      mkdirSync(at(`..gen-${n}`));
      writeFileSync(
        at(`..gen-${n}/mcp_config.yaml`),
        Array.from({ length: 200 }, (_, i) => `key${i}: gen-${n}\n`).join(''),
      );
      symlinkSync(`..gen-${n}`, at('..data_tmp'));
      renameSync(at('..data_tmp'), at('..data'));
      if (n > 1) rmSync(at(`..gen-${n - 1}`), { recursive: true });
    };
    generation(1);
    symlinkSync('..data/mcp_config.yaml', at('mcp_config.yaml'));
    let n = 1;
    const timer = setInterval(() => generation(++n), 1);
    afterTest(() => clearInterval(timer));
    const seen = new Set<string>();
    for (let i = 0; i < 400; i++) {
      const found = await read(at('mcp_config.yaml'));
      if (found.kind === 'failed') expect(found.reason).not.toBe('FileUnreadable');
      else {
        const markers = new Set(
          Buffer.from(found.bytes)
            .toString()
            .match(/gen-\d+/g),
        );
        expect(markers.size).toBe(1);
        seen.add([...markers][0]!);
      }
    }
    expect(seen.size).toBeGreaterThan(20);
  });
});
