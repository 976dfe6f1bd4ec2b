import type { Output } from './command.ts';
import { LiveArea } from './live-area.ts';
import { type RolloutView, showProgressLine, showProgressPage } from './show-progress.ts';

/** Where the progress of a rollout is shown while it is waited for. */
export interface ProgressDisplay {
  show(view: RolloutView): void;
  /** The outcome comes next. */
  close(): void;
}

/** On a terminal a few lines that change in place; elsewhere a line whenever something changes. */
export function createProgressDisplay(stream: Output): ProgressDisplay {
  if (stream.isTTY === true) {
    const area = new LiveArea(stream);
    return {
      show: (view) => {
        area.draw(showProgressPage(view));
      },
      close: () => {
        area.close();
      },
    };
  }
  let last = '';
  return {
    show: (view) => {
      const line = showProgressLine(view);
      if (line !== last) stream.write(`${line}\n`);
      last = line;
    },
    close: () => undefined,
  };
}
