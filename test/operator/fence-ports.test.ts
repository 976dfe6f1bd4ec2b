import { expect, test } from 'vitest';
import { fencePorts } from '../../src/operator/fence-ports.ts';
import type { Ports } from '../../src/operator/ports.ts';

/** Ports that note which calls came through. */
function notingPorts(calls: string[]): Ports {
  const port = (name: string, methods: readonly string[]) =>
    Object.fromEntries(methods.map((method) => [method, async () => calls.push(`${name}.${method}`)]));
  return {
    sources: port('sources', ['read', 'restore', 'publish', 'readToken']),
    pods: port('pods', ['inNamespace', 'usersOf', 'read', 'nudge', 'evict', 'record']),
    reloads: port('reloads', ['read', 'create', 'adopt', 'writeStatus']),
    revisions: port('revisions', ['save', 'read', 'prune']),
    signals: port('signals', ['attempt']),
    endpoints: port('endpoints', ['attempt']),
  } as unknown as Ports;
}

const READS = [
  'sources.read',
  'sources.readToken',
  'pods.inNamespace',
  'pods.usersOf',
  'pods.read',
  'reloads.read',
  'revisions.read',
];

test('who leads no more may read, and change nothing: every call of every port is one or the other', async () => {
  const calls: string[] = [];
  let isLeading = true;
  const ports = notingPorts(calls);
  const fenced = fencePorts(ports, () => {
    if (!isLeading) throw new Error('the lease is gone');
  }) as unknown as Record<string, Record<string, () => Promise<unknown>>>;
  const all = Object.entries(ports).flatMap(([name, port]) =>
    Object.keys(port as object).map((method) => [name, method] as const),
  );
  for (const [name, method] of all) await fenced[name]![method]!();
  expect(calls).toHaveLength(all.length);

  calls.length = 0;
  isLeading = false;
  for (const [name, method] of all) {
    const isRead = READS.includes(`${name}.${method}`);
    const outcome = await fenced[name]![method]!().then(
      () => 'done',
      (error: unknown) => String(error),
    );
    expect([name, method, outcome]).toEqual([name, method, isRead ? 'done' : 'Error: the lease is gone']);
  }
  expect(calls.toSorted()).toEqual(READS.toSorted());
});
