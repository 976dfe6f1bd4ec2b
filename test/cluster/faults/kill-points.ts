import { setTimeout as sleep } from 'node:timers/promises';
import type { Call, FaultProxy } from './fault-proxy.ts';

/** Where in the life of a call the controller is killed: before the API server hears of it, before the answer, after it. */
export const phases = ['dropped', 'answer lost', 'answered'] as const;
export type Phase = (typeof phases)[number];

/** What belongs to a reload: neither watches nor what a start-up asks. */
export const isOfReload = (call: Call) =>
  !call.isWatch && !/\/(leases|selfsubject)|^\/apis\/[^/]+\/[^/]+$/.test(call.path);
export const isWriteOfReload = (call: Call) => call.isWrite && isOfReload(call);

/** Has the controller killed at the nth write from now on. */
export function killAtWrite(
  proxy: FaultProxy,
  kill: () => Promise<void>,
  { nth, phase }: { nth: number; phase: Phase },
): void {
  let seen = 0;
  const isHit = (call: Call) => isWriteOfReload(call) && ++seen === nth;
  switch (phase) {
    case 'dropped':
      proxy.before = async (call) => (isHit(call) ? kill().then(() => 'drop' as const) : undefined);
      return;
    case 'answer lost':
      proxy.committed = async (call) => (isHit(call) ? kill().then(() => 'hang' as const) : 'answer');
      return;
    case 'answered':
      proxy.answered = (call) => (isHit(call) ? void kill() : undefined);
  }
}

/** Has the controller killed when the nth read of a reload comes. */
export function killAtRead(proxy: FaultProxy, kill: () => Promise<void>, nth: number): void {
  let seen = 0;
  proxy.before = async (call) => (!call.isWrite && isOfReload(call) && ++seen === nth ? kill() : undefined);
}

export function killNoMore(proxy: FaultProxy): void {
  proxy.before = undefined;
  proxy.committed = undefined;
  proxy.answered = undefined;
}

/** Until no call came for half a second. */
export async function untilAtRest(proxy: FaultProxy): Promise<void> {
  for (;;) {
    const calls = proxy.calls.length;
    await sleep(500);
    if (proxy.calls.length === calls) return;
  }
}

/** How often each object was written, by `METHOD path`; `name` stands for what differs between rounds. */
export function countWrites(calls: readonly Call[], name: string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { method, path } of calls.filter(isWriteOfReload)) {
    const object = `${method} ${path.replace(/.*namespaces\/[^/]+/, '').replaceAll(name, 'NAME')}`;
    counts.set(object, (counts.get(object) ?? 0) + 1);
  }
  return counts;
}

/** Objects written more often than twice as often as in the undisturbed run: what was under way is done again, and no more. */
export function writtenTooOften(
  counts: ReadonlyMap<string, number>,
  undisturbed: ReadonlyMap<string, number>,
): [object: string, count: number][] {
  return [...counts].filter(([object, count]) => count > 2 * (undisturbed.get(object) ?? 0));
}
