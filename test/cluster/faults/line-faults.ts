import type { IncomingMessage, ServerResponse } from 'node:http';

/** Given one line of a watch (without newline): the bytes to send instead, in pieces; `cut` ends the stream after them. */
export type LineFault = (
  line: string,
  index: number,
) => { readonly pieces: readonly (string | Buffer)[]; readonly cut?: boolean };

/** Tampers with the lines of a watch. */
export class LineFaults {
  readonly #fault: LineFault;

  constructor(fault: LineFault) {
    this.#fault = fault;
  }

  async pipe(from: IncomingMessage, to: ServerResponse): Promise<void> {
    const decoder = new TextDecoder(); // characters come split, too
    let rest = '';
    let index = 0;
    try {
      for await (const chunk of from) {
        const lines = (rest + decoder.decode(chunk as Buffer, { stream: true })).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) {
          const { pieces, cut = false } = this.#fault(line, index++);
          // Each is on its way before the next: a cut must not take back what came before it.
          for (const piece of pieces) await new Promise<void>((resolve) => to.write(piece, () => resolve()));
          if (cut) {
            to.destroy();
            return;
          }
        }
      }
      to.end();
    } catch {
      to.destroy(); // the API server, or the controller, went away
    }
  }
}

/** A line as it is. */
export const asItIs = (line: string) => ({ pieces: [`${line}\n`] });
