import { removeWorkFolder } from './work-folder.ts';

/** Run as `node watchdog.ts FOLDER`: standard input closes when its parent ends, however that happens. */
const folder = process.argv[2];
if (folder === undefined) throw new Error('usage: watchdog.ts FOLDER');
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
process.stdin.resume().on('end', () => void removeWorkFolder(folder));
