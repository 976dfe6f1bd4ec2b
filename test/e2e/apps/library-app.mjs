/** A program of a user of the library. Its ledger: each signal with the hash of the file at that moment, each configuration. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { ConfigReloadManager } from 'leindex-reloader';

const path = '/etc/leindex/mcp_config.yaml';
process.on('SIGHUP', () => {
  console.log(`HUP ${createHash('sha256').update(readFileSync(path)).digest('hex')}`);
});
process.on('SIGTERM', () => process.exit(0));

const manager = new ConfigReloadManager({
  path,
  onEvent: ({ result, trigger, newHash }) => console.log(`event ${trigger} ${result} ${newHash}`),
});
await manager.start();
manager.subscribe((before, after) => {
  console.log(`runs ${before?.memory.total_budget_mb} -> ${after.memory.total_budget_mb}`);
});
console.log('start');
setInterval(() => undefined, 3_600_000);
