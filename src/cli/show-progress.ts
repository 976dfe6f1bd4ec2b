import { findCondition } from '../core/status.ts';
import { printable } from '../core/printable.ts';
import type { ConfigReloadStatus } from '../core/configreload.ts';
import type { RolloutProgress, Wave } from './read-progress.ts';

/** What is known of a rollout that is waited for. */
export interface RolloutView {
  /** `NAMESPACE/NAME`. */
  readonly called: string;
  /** Undefined: the controller has not written one yet. */
  readonly status: ConfigReloadStatus | undefined;
  /** Whether that status speaks of what is waited for. */
  readonly isSeen: boolean;
  /** Undefined: not known. */
  readonly progress: RolloutProgress | undefined;
}

const BAR_WIDTH = 20;
const MOST_WAVES = 6;
const MOST_NAMES = 3;

/** A page for a terminal: a headline, a line a wave, and who is waited for. */
export function showProgressPage(view: RolloutView): string[] {
  const { progress } = view;
  if (!progress || progress.total === 0) return [showHeadline(view)];
  const shown = chooseWaves(progress.waves);
  const names = progress.waiting.slice(0, MOST_NAMES).map((one) => printable(one, 128));
  const more = progress.waiting.length - names.length;
  const waiting = names.length === 0 ? [] : [`  waiting  ${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`];
  return [showHeadline(view), ...shown, ...waiting];
}

/** The same in one line, for a log. */
export function showProgressLine(view: RolloutView): string {
  const { progress } = view;
  if (!progress || progress.waves.length < 2) return showHeadline(view);
  const at = progress.waves.find(({ done, size }) => done < size);
  if (!at) return showHeadline(view);
  const wave = at.name === 'canary' ? 'canary' : `wave ${at.name}`;
  return `${showHeadline(view)}, ${wave} ${at.done}/${at.size}`;
}

function showHeadline({ called, status, isSeen, progress }: RolloutView): string {
  const condition = status && findCondition(status, 'Progressing');
  if (!status || !isSeen || !condition) return `${called}: waiting for the controller to see it`;
  if (!progress) return `${called}: ${printable(condition.message, 512)}`;
  return `${called}: revision ${status.desiredRevision}, ${progress.done}/${progress.total} targets run it`;
}

/** Waves that are done, and those far ahead, are counted: what moves is what a person looks at. */
function chooseWaves(waves: readonly Wave[]): string[] {
  const current = waves.findIndex(({ done, size }) => done < size);
  const at = current < 0 ? waves.length - 1 : current;
  const start = waves.length <= MOST_WAVES ? 0 : Math.min(at, waves.length - MOST_WAVES);
  const shown = waves.slice(start, start + MOST_WAVES);
  const after = waves.length - start - shown.length;
  return [
    ...(start > 0 ? [`  ${start} waves done`] : []),
    ...shown.map((wave) => showWave(wave)),
    ...(after > 0 ? [`  ${after} more waves`] : []),
  ];
}

function showWave({ name, size, done }: Wave): string {
  const filled = size === 0 ? BAR_WIDTH : Math.floor((done / size) * BAR_WIDTH);
  const label = name === 'canary' ? name : `wave ${name}`;
  const count = `${done}/${size}`;
  return `  ${label.padEnd(9)}${count.padEnd(8)}[${'#'.repeat(filled)}${'-'.repeat(BAR_WIDTH - filled)}]`;
}
