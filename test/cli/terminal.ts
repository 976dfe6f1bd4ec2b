import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import xterm from '@xterm/headless';
import { waitUntil } from '../cluster/wait-until.ts';

interface TerminalOptions {
  readonly columns?: number;
  readonly rows?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

/** A program on a pseudo-terminal (util-linux's `script` makes it), and a terminal emulator that shows what it writes. */
export class Terminal {
  /** All bytes that the program wrote. */
  output = '';
  readonly #emulator;
  readonly #child: ChildProcess;
  readonly #folder = mkdtempSync(join(tmpdir(), 'leindex-terminal-'));
  readonly #timeoutMs: number;
  #written: Promise<void> = Promise.resolve();

  /** @param command for `sh -c` */
  constructor(command: string, { columns = 80, rows = 24, env = {}, timeoutMs = 20_000 }: TerminalOptions = {}) {
    this.#timeoutMs = timeoutMs;
    this.#emulator = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true, convertEol: false });
    const setUp = `stty cols ${columns} rows ${rows}; tty > ${this.#ttyFile}`;
    const plain = { TERM: 'xterm-256color', NO_COLOR: undefined, FORCE_COLOR: undefined, CI: undefined };
    this.#child = spawn('script', ['-qefc', `${setUp}; exec ${command}`, '/dev/null'], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, ...plain, ...env },
    });
    this.#child.stdout!.on('data', (chunk: Buffer) => {
      this.output += chunk.toString();
      this.#written = new Promise((resolve) => this.#emulator.write(chunk, resolve));
    });
    // What the terminal answers, as to the question where its cursor is.
    this.#emulator.onData((answer) => this.#child.stdin!.write(answer));
  }

  get #ttyFile(): string {
    return join(this.#folder, 'tty');
  }

  type(keys: string): void {
    this.#child.stdin!.write(keys);
  }

  /** Every line that the terminal holds, with what has scrolled out of view; blank ones at the end left out. */
  get lines(): string[] {
    const { active } = this.#emulator.buffer;
    const lines = Array.from({ length: active.length }, (_, at) => active.getLine(at)?.translateToString(true) ?? '');
    while (lines.at(-1) === '') lines.pop();
    return lines;
  }

  /** Whether a line was longer than the terminal is wide. */
  get hasWrapped(): boolean {
    const { active } = this.#emulator.buffer;
    return Array.from({ length: active.length }, (_, at) => active.getLine(at)?.isWrapped).includes(true);
  }

  /** As it was written: what the terminal wrapped is put together again. */
  get text(): string {
    const { active } = this.#emulator.buffer;
    const lines = Array.from({ length: active.length }, (_, at) => active.getLine(at));
    return lines
      .map(
        (line, at) =>
          (line?.isWrapped || at === 0 ? '' : '\n') + (line?.translateToString(!lines[at + 1]?.isWrapped) ?? ''),
      )
      .join('')
      .trimEnd();
  }

  /** Resizes as a person does with the mouse: the emulator wraps its lines anew, and the program gets SIGWINCH. */
  async resize(columns: number, rows: number): Promise<void> {
    await this.#written;
    this.#emulator.resize(columns, rows);
    const tty = readFileSync(this.#ttyFile, 'utf8').trim();
    execFileSync('stty', ['-F', tty, 'cols', String(columns), 'rows', String(rows)]);
  }

  async until(what: string, isIt: (screen: Terminal) => boolean): Promise<void> {
    try {
      await waitUntil({ what, timeoutMs: this.#timeoutMs, everyMs: 20, check: async () => isIt(this) || undefined });
    } catch (cause) {
      throw new Error(`${what}; the terminal shows:\n${this.text}`, { cause });
    }
  }

  /** The exit code, once the program has ended and all that it wrote is shown. */
  async ended(): Promise<number | null> {
    if (this.#child.exitCode === null) await once(this.#child, 'close');
    await this.#written;
    rmSync(this.#folder, { recursive: true, force: true });
    return this.#child.exitCode;
  }

  async close(): Promise<void> {
    if (this.#child.exitCode === null && existsSync(this.#ttyFile)) this.#child.kill('SIGTERM');
    this.#child.kill('SIGKILL');
    await this.ended();
  }
}
