import type { ConfigReloadStatus } from '../core/configreload.ts';
import { printable } from '../core/printable.ts';
import { findCondition, isFailed } from '../core/status.ts';
import type { ClusterAccess } from './cluster-access.ts';
import { ExitCode, type Io } from './command.ts';
import { type Following, followRollout } from './follow-rollout.ts';
import { createProgressDisplay } from './progress-display.ts';

export type Awaited = Omit<Following, 'show'>;

/** Waits until the controller has ended what was asked, with its progress on standard error, and prints how it ended. */
export async function awaitOutcome(access: ClusterAccess, awaited: Awaited): Promise<ExitCode> {
  const display = createProgressDisplay(awaited.io.stderr);
  const ended = followRollout(access, {
    ...awaited,
    show: (view) => {
      display.show(view);
    },
  });
  const { namespace, name, status } = await ended.finally(() => {
    display.close();
  });
  return showOutcome(`${namespace}/${printable(name, 253)}`, status, awaited.io);
}

/** 0: every target runs what was asked, or a dry run says what would be done. */
export function outcomeCode(status: ConfigReloadStatus): ExitCode {
  if (findCondition(status, 'Progressing')?.reason === 'DryRun') return ExitCode.done;
  const reloaded = findCondition(status, 'Reloaded');
  return reloaded?.status === 'True' && reloaded.reason !== 'Paused' ? ExitCode.done : ExitCode.invalid;
}

/** A line, and where it failed one for each pod that did. */
export function showOutcome(called: string, status: ConfigReloadStatus, io: Pick<Io, 'stdout' | 'stderr'>): ExitCode {
  const progress = findCondition(status, 'Progressing');
  const said = progress?.reason === 'DryRun' ? progress : findCondition(status, 'Reloaded');
  const code = outcomeCode(status);
  const stream = code === ExitCode.done ? io.stdout : io.stderr;
  stream.write(`${called}: ${said?.reason ?? 'Unknown'}: ${printable(said?.message ?? '', 1024)}\n`);
  if (code === ExitCode.done) return code;
  for (const { name, container, reason, message } of status.pods.filter(isFailed)) {
    stream.write(`  ${printable(`${name}/${container}: ${reason} ${message}`, 700)}\n`);
  }
  return code;
}
