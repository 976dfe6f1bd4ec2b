import { existsSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { watchFile } from '../../src/manager/file-watch.ts';
import { afterTest, goodText, invalidText, newWorkspace, startManager, until } from './workspace.ts';

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
/** A poll that never comes within a test: what is seen is seen by the watch. */
const byWatch = { watch: true, pollMs: 3_600_000, debounceMs: 5 };
const size = (manager: Awaited<ReturnType<typeof startManager>>['manager']) =>
  manager.getCurrentConfig()?.performance.batch_size;

describe('watching', () => {
  it("sees an editor's rename-and-replace, a write in place, deletion and return", async () => {
    const { manager, workspace } = await startManager(byWatch);
    workspace.write(goodText(60));
    await until('the replaced file', () => size(manager) === 60);
    writeFileSync(workspace.path, goodText(61));
    await until('the written file', () => size(manager) === 61);
    renameSync(workspace.path, `${workspace.path}~`);
    writeFileSync(workspace.path, goodText(62));
    await until('the file after a backup was made', () => size(manager) === 62);
    rmSync(workspace.path);
    await until('the loss to be recorded', () => manager.getEventHistory()[0]?.result === 'file_not_found');
    expect(size(manager)).toBe(62);
    workspace.write(goodText(62));
    await until('the return to be recorded', () => manager.getEventHistory()[0]?.result === 'success');
  });

  it('sees every swap of ..data', async () => {
    const { in: at, path } = newWorkspace(null);
    const generation = (n: number) => {
      mkdirSync(at(`..gen-${n}`));
      writeFileSync(at(`..gen-${n}/mcp_config.yaml`), goodText(n));
      symlinkSync(`..gen-${n}`, at('..data_tmp'));
      renameSync(at('..data_tmp'), at('..data'));
      if (existsSync(at(`..gen-${n - 1}`))) rmSync(at(`..gen-${n - 1}`), { recursive: true });
    };
    generation(60);
    symlinkSync('..data/mcp_config.yaml', path);
    const { ConfigReloadManager } = await import('../../src/manager/config-reload-manager.ts');
    const manager = new ConfigReloadManager({ path, handleSignals: false, ...byWatch });
    afterTest(() => manager.stop());
    await manager.start();
    for (let n = 61; n < 75; n++) {
      generation(n);
      await until(`generation ${n}`, () => size(manager) === n);
    }
    expect(manager.getEventHistory()).toHaveLength(14);
  });

  it('sees a folder that is replaced, and one that comes back', async () => {
    const { in: at } = newWorkspace(null);
    const put = (folder: string, text: string) => {
      mkdirSync(at(folder));
      writeFileSync(at(`${folder}/mcp_config.yaml`), text);
    };
    put('etc', goodText(60));
    const { ConfigReloadManager } = await import('../../src/manager/config-reload-manager.ts');
    const manager = new ConfigReloadManager({ path: at('etc/mcp_config.yaml'), handleSignals: false, ...byWatch });
    afterTest(() => manager.stop());
    await manager.start();
    await pause(50);
    put('etc-new', goodText(61));
    renameSync(at('etc'), at('etc-old'));
    renameSync(at('etc-new'), at('etc'));
    await until('the new folder', () => size(manager) === 61);
    rmSync(at('etc'), { recursive: true });
    await until('the loss', () => manager.getEventHistory()[0]?.result === 'file_not_found');
    put('etc', goodText(62));
    await until('the return', () => size(manager) === 62);
    writeFileSync(at('etc/mcp_config.yaml'), goodText(63));
    await until('a change in the returned folder', () => size(manager) === 63);
  });

  it('F42: sees by polling what the system does not tell', async () => {
    const { manager, workspace } = await startManager({ watch: true, pollMs: 20, debounceMs: 60_000 });
    workspace.write(goodText(60));
    await until('the poll', () => size(manager) === 60);
  });

  it('loads an invalid text once and not at every look, and says nothing where nothing changed', async () => {
    const { manager, workspace } = await startManager({ watch: true, pollMs: 10, debounceMs: 1 });
    workspace.write(invalidText);
    await until('the failure', () => manager.getStats().failedReloads === 1);
    await pause(100);
    expect(manager.getStats().totalReloads).toBe(1);
    workspace.write(goodText(50));
    await until('the recovery', () => manager.getStats().successfulReloads === 1);
    await pause(50);
    expect(manager.getStats().totalReloads).toBe(2);
  });

  it('a look refuses no call', async () => {
    const { manager } = await startManager({ watch: true, pollMs: 10, debounceMs: 0 });
    for (let i = 0; i < 200; i++) expect((await manager.reloadConfig()).result).toBe('success');
  });

  it('merges a burst into few calls, and is silent after close', async () => {
    const { path, write } = newWorkspace();
    let calls = 0;
    const logger = pino({ level: 'silent' });
    const watch = watchFile({ path, debounceMs: 30, pollMs: 3_600_000, logger, onChange: () => calls++ });
    await until('the first look', () => calls > 0);
    calls = 0;
    for (let i = 0; i < 100; i++) write(goodText(10 + i));
    await until('the burst', () => calls > 0);
    await pause(100);
    expect(calls).toBeLessThan(10);
    watch.close();
    calls = 0;
    write(goodText(60));
    await pause(100);
    expect(calls).toBe(0);
  });
});
