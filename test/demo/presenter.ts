import { styleText } from 'node:util';

const bold = (text: string) => (process.stdout.isTTY ? styleText('bold', text) : text);
const dim = (text: string) => (process.stdout.isTTY ? styleText('dim', text) : text);

/** What the person who watches sees: numbered steps, commands with their real output, and a record of it all. */
export class Presenter {
  readonly record: string[] = [];
  #step = 0;

  step(title: string): void {
    this.#step += 1;
    this.#write(`\n${bold(`${this.#step}. ${title}`)}`, `\n${this.#step}. ${title}`);
  }

  say(text: string): void {
    this.#write(text);
  }

  /** Shows a command as it is typed, and what it answered. */
  command(line: string, output: string): void {
    this.#write(dim(`$ ${line}`), `$ ${line}`);
    this.#write(output.trimEnd());
  }

  table(head: readonly string[], rows: readonly (readonly string[])[]): void {
    const widths = head.map((word, column) => Math.max(word.length, ...rows.map((row) => row[column]?.length ?? 0)));
    for (const row of [head, ...rows]) {
      this.#write(`  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('   ')}`.trimEnd());
    }
  }

  #write(shown: string, recorded = shown): void {
    process.stdout.write(`${shown}\n`);
    this.record.push(recorded);
  }
}
