/** `npm run bench`: runs the modules `*.bench.ts` of this folder (or those named, as `npm run bench controller`) and prints a table. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench, BenchRow } from './row.ts';

const named = process.argv.slice(2);
const files = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.bench.ts'))
  .filter((file) => named.length === 0 || named.some((name) => file.startsWith(name)));
if (files.length === 0) throw new Error(`no benchmark is called ${named.join(', ')}`);

const rows: BenchRow[] = [];
for (const file of files) {
  const module = (await import(join(import.meta.dirname, file))) as { default: Bench };
  await module.default((row) => {
    rows.push(row);
    process.stderr.write(`${row.name}: ${row.measured}\n`);
  });
}
process.stdout.write(table(rows));
process.exitCode = rows.some(({ isReached }) => isReached === false) ? 1 : 0;

function table(all: readonly BenchRow[]): string {
  const head = ['', 'measured', 'floor or peer, same run', 'ratio', 'target', 'reached'];
  const lines = all.map(({ name, measured, floor, ratio, target, isReached }) => [
    name,
    measured,
    floor,
    ratio,
    target,
    isReached === undefined ? '' : isReached ? 'yes' : 'NO',
  ]);
  return ['', head, head.map(() => '---'), ...lines]
    .map((line) => (typeof line === 'string' ? line : `| ${line.join(' | ')} |`))
    .join('\n')
    .concat('\n');
}
