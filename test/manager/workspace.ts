import { mkdtempSync, rmSync, writeFileSync, renameSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { contentHash } from '../../src/core/content-hash.ts';
import { ConfigReloadManager } from '../../src/manager/config-reload-manager.ts';
import type { ReloadManagerOptions } from '../../src/manager/manager-options.ts';

/** A good config text that differs by its batch size, 10–500. */
export function goodText(batchSize = 50): string {
  return `version: "2.0"\nmemory: {}\nprojects: {}\nperformance:\n  batch_size: ${batchSize}\n`;
}

/** Well-formed, and refused: the global index takes more than half of the budget. */
export const invalidText =
  'version: "2.0"\nmemory: {total_budget_mb: 1024, global_index_mb: 900}\nprojects: {}\nperformance: {}\n';
export const malformedText = 'version: "2.0"\nmemory: {total_budget_mb: [\n';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Runs after the test, last in first out. */
export function afterTest(cleanup: () => unknown): void {
  cleanups.push(cleanup);
}

/** A folder of its own for a test, with a config file in it. */
export function newWorkspace(text: string | null = goodText()) {
  const folder = mkdtempSync(join(tmpdir(), 'leindex-manager-'));
  afterTest(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'mcp_config.yaml');
  let count = 0;
  const workspace = {
    folder,
    path,
    in: (name: string) => join(folder, name),
    /** Replaces the file by rename, as a careful writer does. */
    write: (content: string | Uint8Array) => {
      const temporary = join(folder, `.new-${count++}`);
      writeFileSync(temporary, content);
      // As old as if it had been written at leisure, so that the reader need not wait for it to be left alone.
      utimesSync(temporary, 1_700_000_000 + count, 1_700_000_000 + count);
      renameSync(temporary, path);
      return contentHash(content);
    },
  };
  if (text !== null) workspace.write(text);
  return workspace;
}

/** A started manager on a workspace of its own, without signals unless asked for; stopped after the test. */
export async function startManager(options: Partial<ReloadManagerOptions> & { text?: string | null } = {}) {
  const { text, ...rest } = options;
  const workspace = newWorkspace(text === undefined ? goodText() : text);
  const manager = new ConfigReloadManager({ path: workspace.path, handleSignals: false, ...rest });
  afterTest(() => manager.stop());
  const started = await manager.start();
  return { manager, workspace, started };
}

/** Resolves when the condition holds; rejects after ten seconds, naming what it waited for. */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + 10_000;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`waited ten seconds for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A promise and what settles it. */
export function gate() {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  return { opened: promise as Promise<unknown>, open: () => resolve(undefined) };
}
