import { setTimeout as sleep } from 'node:timers/promises';
import type { ConfigReloadStatus } from '../core/configreload.ts';
import { formatDuration } from '../core/duration.ts';
import { printable } from '../core/printable.ts';
import { findCondition } from '../core/status.ts';
import type { ClusterAccess } from './cluster-access.ts';
import { CommandError, ExitCode, type Io } from './command.ts';
import { readProgress, type RolloutProgress } from './read-progress.ts';
import { findReload, type Reload } from './read-reload.ts';
import type { RolloutView } from './show-progress.ts';

const POLL_MS = 250;
/** Listing pods costs the API server most: it is done for a tenth of the time at most. */
const REST_OF_LISTING = 9;

export interface Following {
  readonly name: string;
  /** Whether the controller has seen what is waited for. */
  readonly isSeen: (status: ConfigReloadStatus) => boolean;
  /** Undefined: as long as it takes. */
  readonly timeoutMs: number | undefined;
  readonly io: Io;
  /** Called at every look before the last, also where nothing has changed. */
  readonly show: (view: RolloutView, reload: Reload | undefined) => void;
}

/**
 * Waits until the controller has seen what is waited for and has ended it, one way or another.
 *
 * @throws CommandError (3) where it is interrupted, or does not end in time
 */
export async function followRollout(access: ClusterAccess, following: Following): Promise<Reload> {
  const { name, isSeen, timeoutMs, io, show } = following;
  const called = `${access.namespace}/${printable(name, 253)}`;
  const end = timeoutMs === undefined ? io.signal : AbortSignal.any([io.signal, AbortSignal.timeout(timeoutMs)]);
  const readSeldom = progressReader(access);
  let reload: Reload | undefined;
  try {
    for (;;) {
      reload = await findReload(access, name, end);
      const status = reload?.status;
      const isOurs = status !== undefined && isSeen(status);
      const state = status && findCondition(status, 'Progressing')?.status;
      const isRolling = isOurs && state === 'True';
      if (reload && isOurs && state !== undefined && !isRolling) return reload;
      const progress = isRolling ? await readSeldom({ name, status }, end) : undefined;
      show({ called, status, isSeen: isOurs, progress }, reload);
      await sleep(POLL_MS, undefined, { signal: end });
    }
  } catch (cause) {
    if (!end.aborted) throw cause;
    const isOurs = reload !== undefined && isSeen(reload.status);
    const what = isOurs ? 'has not ended yet' : 'was not seen by the controller; is it running?';
    const after = timeoutMs === undefined || io.signal.aborted ? 'interrupted' : `after ${formatDuration(timeoutMs)}`;
    const message = `${called} ${what} (${after}); it goes on without you: see the status`;
    throw new CommandError(message, ExitCode.unreachable, { cause });
  }
}

/** Reads the progress, or gives what it was a moment ago. */
function progressReader(access: ClusterAccess) {
  let last: RolloutProgress | undefined;
  let notBefore = 0;
  return async (source: Parameters<typeof readProgress>[1], signal: AbortSignal) => {
    const begin = performance.now();
    if (begin < notBefore) return last;
    last = await readProgress(access, source, signal);
    notBefore = performance.now() + (performance.now() - begin) * REST_OF_LISTING;
    return last;
  };
}
