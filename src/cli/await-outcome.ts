import { setTimeout as sleep } from 'node:timers/promises';
import type { ConfigReloadStatus } from '../core/configreload.ts';
import { formatDuration } from '../core/duration.ts';
import { printable } from '../core/printable.ts';
import { findCondition } from '../core/status.ts';
import type { ClusterAccess } from './cluster-access.ts';
import { CommandError, ExitCode, type Io } from './command.ts';
import { findReload } from './read-reload.ts';

const POLL_MS = 250;

export interface Awaited {
  readonly name: string;
  /** Whether the controller has seen what was asked. */
  readonly isSeen: (status: ConfigReloadStatus) => boolean;
  readonly timeoutMs: number;
  readonly io: Io;
}

/** Waits until the controller has seen what was asked and has ended it; shows the progress on a terminal. */
export async function awaitOutcome(access: ClusterAccess, { name, isSeen, timeoutMs, io }: Awaited): Promise<ExitCode> {
  const called = `${access.namespace}/${printable(name, 253)}`;
  const end = AbortSignal.any([io.signal, AbortSignal.timeout(timeoutMs)]);
  let last: ConfigReloadStatus | undefined;
  let shown = '';
  try {
    for (;;) {
      last = (await findReload(access, name, end))?.status;
      const progress = last && findCondition(last, 'Progressing');
      if (last && isSeen(last) && progress && progress.status !== 'True') return showOutcome(called, last, io);
      const line =
        progress?.status === 'True' ? `${called}: ${last?.podsReady ?? ''} ${printable(progress.message, 512)}` : '';
      if (io.stderr.isTTY === true && line !== '' && line !== shown) io.stderr.write(`${line}\n`);
      shown = line;
      await sleep(POLL_MS, undefined, { signal: end });
    }
  } catch (error) {
    if (!end.aborted) throw error;
    const what = last && isSeen(last) ? 'has not ended yet' : 'was not seen by the controller; is it running?';
    const after = io.signal.aborted ? 'interrupted' : `after ${formatDuration(timeoutMs)}`;
    throw new CommandError(
      `${called} ${what} (${after}); it goes on without you: see the status`,
      ExitCode.unreachable,
      {
        cause: error,
      },
    );
  }
}

/** Prints how it ended. Exit code 0: every target runs what was asked, or a dry run says what would be done. */
function showOutcome(called: string, status: ConfigReloadStatus, io: Io): ExitCode {
  const reloaded = findCondition(status, 'Reloaded');
  const progress = findCondition(status, 'Progressing');
  const isDryRun = progress?.reason === 'DryRun';
  const said = isDryRun ? progress : reloaded;
  const isDone = isDryRun || (reloaded?.status === 'True' && reloaded.reason !== 'Paused');
  (isDone ? io.stdout : io.stderr).write(
    `${called}: ${said?.reason ?? 'Unknown'}: ${printable(said?.message ?? '', 1024)}\n`,
  );
  if (isDone) return ExitCode.done;
  for (const { name, container, reason, message, result } of status.pods) {
    if (result === 'success' || result === 'pending' || result === 'skipped') continue;
    io.stderr.write(`  ${printable(`${name}/${container}: ${reason} ${message}`, 700)}\n`);
  }
  return ExitCode.invalid;
}
