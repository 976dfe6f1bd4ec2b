import { styleText } from 'node:util';
import type { Condition, PodStatus } from '../core/configreload.ts';
import { shortHash } from '../core/content-hash.ts';
import { printable } from '../core/printable.ts';
import { findCondition } from '../core/status.ts';
import type { Reload } from './read-reload.ts';
import { showTable } from './table.ts';

export interface StatusStyle {
  readonly isWide: boolean;
  readonly isColoured: boolean;
  /** Columns of the terminal; undefined: none to fit. */
  readonly width: number | undefined;
}

/** One ConfigReload as a page: what is so, how many targets, which of them fail and why, what to do next. */
export function showReload(reload: Reload, style: StatusStyle): string {
  const { namespace, name, status } = reload;
  const { targets, lastKnownGood } = status;
  const counts = `${targets.reloaded}/${targets.total} run it, ${targets.pending} pending, ${targets.failed} failed, ${targets.skipped} skipped`;
  const good =
    lastKnownGood.revision === 0 ? 'none yet' : `revision ${lastKnownGood.revision} of ${lastKnownGood.time}`;
  const pods = status.pods.length === 0 ? '' : `\n${showPods(status.pods, style)}`;
  return `${namespace}/${printable(name, 253)}
${status.conditions.map((one) => showCondition(one, style)).join('')}  wanted:      ${showText(status.desiredRevision, status.desiredHash, style)}
  applied:     ${showText(status.appliedRevision, status.appliedHash, style)}
  last good:   ${good}
  targets:     ${counts}
${pods}
${nextStep(reload)}
`;
}

/** Many, a line each. */
export function showReloads(reloads: readonly Reload[], { isWide, width }: StatusStyle): string {
  const rows = reloads.map(({ namespace, name, status }) => {
    const reloaded = findCondition(status, 'Reloaded');
    const state = [findCondition(status, 'Valid')?.status ?? '', reloaded?.status ?? '', status.podsReady];
    const rest = isWide ? [shortHash(status.appliedHash), status.stats.lastReloadTime] : [];
    const revision = status.appliedRevision === 0 ? '' : String(status.appliedRevision);
    return { cells: [namespace, name, ...state, revision, ...rest, reloaded?.reason ?? '', reloaded?.message ?? ''] };
  });
  const extra = isWide ? ['HASH', 'LAST RELOAD'] : [];
  const head = ['NAMESPACE', 'NAME', 'VALID', 'RELOADED', 'PODS', 'REVISION', ...extra, 'REASON', 'MESSAGE'];
  return showTable(head, rows, isWide ? undefined : width);
}

function showCondition({ type, status, reason, message }: Condition, { isColoured }: StatusStyle): string {
  const isGood = type === 'Progressing' || status === 'True';
  const word = isColoured
    ? styleText(isGood ? 'green' : 'red', status.padEnd(7), { validateStream: false })
    : status.padEnd(7);
  return `  ${`${type}:`.padEnd(13)}${word} ${printable(reason, 64)}: ${printable(message, 1024)}\n`;
}

function showText(revision: number, hash: string, { isWide }: StatusStyle): string {
  return revision === 0 ? 'nothing' : `revision ${revision} (${isWide ? hash : shortHash(hash)})`;
}

function showPods(pods: readonly PodStatus[], { isWide, width }: StatusStyle): string {
  const head = ['POD', 'CONTAINER', 'RESULT', 'REASON', ...(isWide ? ['STRATEGY', 'HASH', 'TIME', 'MESSAGE'] : [])];
  const rows = pods.map(({ name, container, result, reason, strategy, hash, time, message }) => ({
    cells: [name, container, result, reason, ...(isWide ? [strategy, shortHash(hash), time, message] : [])],
    details: isWide || message === '' ? [] : [message],
  }));
  return showTable(head, rows, isWide ? undefined : width);
}

/** What a person does next, by the state that needs it most. */
function nextStep({ namespace, name, status }: Reload): string {
  const on = `-n ${namespace} ${printable(name, 253)}`;
  const progress = findCondition(status, 'Progressing');
  if (findCondition(status, 'Valid')?.status === 'False')
    return 'Next: correct the ConfigMap; pods keep what they run.';
  switch (progress?.reason) {
    case 'Paused':
      return `Next: \`resume ${on}\` when changes are to be reloaded again.`;
    case 'RolloutHalted':
      return `Next: correct the ConfigMap, or \`reload ${on}\`, or \`rollback ${on}\`.`;
    case 'TargetsFailed':
      return `Next: see the reasons above (docs/troubleshooting.md); \`reload ${on}\` tries again at once.`;
    case 'RollbackImpossible':
      return `Next: choose a revision of \`history ${on}\`.`;
    default:
      return progress?.status === 'True' ? `Next: wait; \`status ${on} --watch\` shows it.` : 'Next: nothing to do.';
  }
}
