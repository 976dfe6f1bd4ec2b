import type { Output } from './command.ts';
import { cutEnd } from './table.ts';

/**
 * The last lines of a terminal, drawn over again in place. Each drawing is one write; the cursor is never hidden, and stands
 * below the lines between two of them, so that whatever ends the program leaves the terminal as it should be.
 */
export class LiveArea {
  readonly #screen: Output;
  #lines: readonly string[] = [];
  /** What is on the screen, as it was cut to fit. */
  #drawn: readonly string[] = [];
  readonly #onResize = () => {
    this.#paint();
  };

  constructor(screen: Output) {
    this.#screen = screen;
    screen.on('resize', this.#onResize);
  }

  draw(lines: readonly string[]): void {
    if (lines.join('\n') === this.#lines.join('\n')) return;
    this.#lines = lines;
    this.#paint();
  }

  /** Takes the lines away: what comes next stands where they stood. */
  close(): void {
    this.#screen.off('resize', this.#onResize);
    this.#lines = [];
    this.#paint();
  }

  #paint(): void {
    const { columns = 80, rows = 24 } = this.#screen;
    // A terminal that became narrower has wrapped them: they take more rows now.
    const height = this.#drawn.reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / columns)), 0);
    const up = Math.min(height, rows - 1);
    // One column stays free: a line that fills the row moves the cursor in some terminals, and not in others.
    this.#drawn = this.#lines.slice(0, Math.max(1, rows - 1)).map((line) => cutEnd(line, columns - 1));
    const begin = up > 0 ? `\r\u001b[${up}A\u001b[J` : '\r';
    this.#screen.write(begin + this.#drawn.map((line) => `${line}\r\n`).join(''));
  }
}
