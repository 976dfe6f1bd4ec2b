import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder } from '../cluster/cache-folder.ts';
import { findCommand } from '../cluster/find-command.ts';
import { say } from '../cluster/progress.ts';
import { run } from '../cluster/run.ts';

const kept = cacheFolder('promtool');

/** Path of Prometheus's own checker of rules: from PATH, or fetched earlier; undefined where there is none. */
export function findPromtool(): string | undefined {
  return findCommand('promtool') ?? findCommand('promtool', [kept]);
}

/** Takes it out of Debian's package `prometheus`, which is not installed: that would start a server. Nothing is done where it is there. */
export async function fetchPromtool(): Promise<void> {
  if (findPromtool() !== undefined || findCommand('apt-get') === undefined) return;
  say(`fetching promtool, once, inside Debian's package prometheus (19 MB); kept in ${kept}`);
  await mkdir(kept, { recursive: true });
  const work = await mkdtemp(join(kept, 'fetch-'));
  try {
    const download = () => run('apt-get', ['download', '-qq', 'prometheus'], { cwd: work });
    // A machine whose lists of packages are old, or not there, gets new ones first.
    await download().catch(() => run('apt-get', ['update', '-qq']).then(download));
    const [archive = ''] = await readdir(work);
    await run('dpkg-deb', ['-x', archive, 'package'], { cwd: work });
    await rename(join(work, 'package', 'usr', 'bin', 'promtool'), join(kept, 'promtool'));
  } catch (error) {
    say(`no promtool could be fetched, so the tests of the alerts will not run: ${String(error)}`);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
