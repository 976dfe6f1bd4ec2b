import { setTimeout as sleep } from 'node:timers/promises';
import { contentHash } from '../core/content-hash.ts';
import { printable } from '../core/printable.ts';
import { findCondition } from '../core/status.ts';
import { outcomeCode, showOutcome } from './await-outcome.ts';
import type { ClusterAccess } from './cluster-access.ts';
import { ExitCode, type Io } from './command.ts';
import { followRollout } from './follow-rollout.ts';
import { LiveArea } from './live-area.ts';
import { createProgressDisplay } from './progress-display.ts';
import { selectText } from './read-config-map.ts';
import { readSource, type Reload } from './read-reload.ts';

const POLL_MS = 500;

/** An object, printed for programs; undefined: for people. */
export type DataFormat = ((object: object) => string) | undefined;

interface WatchOne {
  readonly name: string;
  readonly timeoutMs: number | undefined;
  readonly asData: DataFormat;
  /** For a terminal, when it has ended. */
  readonly asPage: (reload: Reload) => string;
  readonly io: Io;
}

/** Follows one source until what its ConfigMap says now has been rolled out, or refused. Exits as the reload did. */
export async function watchOne(
  access: ClusterAccess,
  { name, timeoutMs, asData, asPage, io }: WatchOne,
): Promise<ExitCode> {
  const source = await readSource(access, name, io.signal);
  const { resourceVersion } = source;
  const text = selectText(source);
  const hash = text.found ? contentHash(text.content) : '';
  const request = source.annotations['reload.leindex.io/requested-at'] ?? '';
  const display = createProgressDisplay(io.stdout);
  let printed = '';
  const ended = followRollout(access, {
    name,
    // What the controller has nothing to do for, as another label, it does not write down.
    isSeen: ({ observedResourceVersion, observedHash, observedRequest }) =>
      observedResourceVersion === resourceVersion || (observedHash === hash && observedRequest === request),
    timeoutMs,
    io,
    show: (view, reload) => {
      if (!asData) display.show(view);
      const data = reload && asData?.(reload.object);
      if (data !== undefined && data !== printed) io.stdout.write((printed = data));
    },
  });
  const reload = await ended.finally(() => {
    display.close();
  });
  if (asData) {
    const data = asData(reload.object);
    if (data !== printed) io.stdout.write(data);
    return outcomeCode(reload.status);
  }
  if (io.stdout.isTTY !== true) {
    const { stdout } = io;
    return showOutcome(`${reload.namespace}/${printable(name, 253)}`, reload.status, { stdout, stderr: stdout });
  }
  io.stdout.write(asPage(reload));
  return outcomeCode(reload.status);
}

interface WatchAll {
  readonly list: () => Promise<readonly Reload[]>;
  readonly asData: DataFormat;
  readonly asTable: (reloads: readonly Reload[]) => string;
  readonly io: Io;
}

/** Shows all sources until it is interrupted: on a terminal in place, elsewhere a line for each that changes. */
export async function watchAll({ list, asData, asTable, io }: WatchAll): Promise<ExitCode> {
  const area = io.stdout.isTTY === true && !asData ? new LiveArea(io.stdout) : undefined;
  let lines = new Map<string, string>();
  let table = '';
  try {
    for (;;) {
      const reloads = await list();
      const now = new Map(reloads.map((reload) => [`${reload.namespace}/${reload.name}`, showLine(reload, asData)]));
      if (area) area.draw((table = asTable(reloads)).trimEnd().split('\n'));
      else for (const [key, line] of now) if (lines.get(key) !== line) io.stdout.write(line);
      lines = now;
      await sleep(POLL_MS, undefined, { signal: io.signal });
    }
  } catch (error) {
    if (!io.signal.aborted) throw error;
  }
  area?.close();
  io.stdout.write(table);
  return ExitCode.done;
}

function showLine({ namespace, name, object, status }: Reload, asData: DataFormat): string {
  if (asData) return asData(object);
  const { status: is = 'Unknown', reason = '', message = '' } = findCondition(status, 'Reloaded') ?? {};
  return `${namespace}/${printable(name, 253)}: Reloaded=${is} ${reason}: ${printable(message, 1024)}\n`;
}
