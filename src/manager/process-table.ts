import { readdir, readFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';

/** One process, told apart from a later one of the same number by when it started. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot, as `/proc/PID/stat` has it. */
  readonly startTime: string;
  readonly parentPid: number;
}

/** `/proc`, or a folder like it. */
export class ProcessTable {
  readonly #root: string;

  constructor(root = '/proc') {
    this.#root = root;
  }

  /** Every living process whose name (`comm`) is exactly this, but not this process itself; lowest number first. */
  async findByName(name: string): Promise<readonly ProcessIdentity[]> {
    const pids = (await readdir(this.#root)).filter((entry) => /^[1-9]\d*$/.test(entry)).map(Number);
    const found = await Promise.all(
      pids.map(async (pid) => {
        if (pid === process.pid) return null;
        const comm = await this.#read(pid, 'comm');
        return comm?.replace(/\n$/, '') === name ? this.identify(pid) : null;
      }),
    );
    return found.filter((identity) => identity !== null).sort((a, b) => a.pid - b.pid);
  }

  /** The process that has this number now; null where there is none, or a dead one that nobody has waited for. */
  async identify(pid: number): Promise<ProcessIdentity | null> {
    const stat = await this.#read(pid, 'stat');
    // The name in the second field may hold anything, brackets and spaces too: count from its end.
    const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, parent, startTime] = [fields?.[0], fields?.[1], fields?.[19]];
    if (state === undefined || startTime === undefined || state === 'Z' || state === 'X') return null;
    return { pid, startTime, parentPid: Number(parent) };
  }

  async isAlive({ pid, startTime }: ProcessIdentity): Promise<boolean> {
    return (await this.identify(pid))?.startTime === startTime;
  }

  /** Whether the process has a handler of its own for the signal: without one, the signal would end it. */
  async catches(pid: number, signal: NodeJS.Signals): Promise<boolean> {
    const mask = /^SigCgt:\s*([0-9a-fA-F]+)$/m.exec((await this.#read(pid, 'status')) ?? '')?.[1];
    if (mask === undefined) return false;
    return ((BigInt(`0x${mask}`) >> BigInt(constants.signals[signal] - 1)) & 1n) === 1n;
  }

  /**
   * Whether SIGUSR1 would open the debugger of Node.js in the process, as its threads tell: one named `SignalInspector` (since 24), or
   * all of them `node`, where the executable is.
   */
  async hasDebugger(pid: number): Promise<boolean> {
    const tasks = await readdir(join(this.#root, String(pid), 'task')).catch(() => []);
    const names = await Promise.all(tasks.map((task) => this.#read(pid, join('task', task, 'comm'))));
    return names.some((name) => name !== null && /^(node|nodejs|SignalInspector)\n?$/.test(name));
  }

  async #read(pid: number, file: string): Promise<string | null> {
    return readFile(join(this.#root, String(pid), file), 'latin1').catch(() => null);
  }
}
