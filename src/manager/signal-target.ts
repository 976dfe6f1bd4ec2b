import type { TargetReason } from '../core/reasons.ts';
import { ProcessTable, type ProcessIdentity } from './process-table.ts';
import { ReloadTargetError, type ReloadTarget } from './reload-target.ts';
import { sleepQuietly } from './sleep-quietly.ts';

export interface SignalTargetOptions {
  /** Exact process name, as `/proc/PID/comm` has it. */
  readonly processName: string;
  /** Default SIGHUP. */
  readonly signal?: 'SIGHUP' | 'SIGUSR1' | 'SIGUSR2';
  /** How long the process must stay alive after the signal, in milliseconds; default 1000. */
  readonly settleMs?: number;
  /** Whether the process reads the watched file itself; false where a `PublishingTarget` writes for it. Default true. */
  readonly readsFile?: boolean;
  readonly processes?: ProcessTable;
  /** Default `process.kill`. */
  readonly kill?: (pid: number, signal: NodeJS.Signals) => void;
}

/** A literal name of at most 15 characters: the kernel keeps no more. */
const NAME = /^[A-Za-z0-9._-]{1,15}$/;

/**
 * Signals a process beside this one (a shared PID namespace), where it is the only one of its name (its own children aside) and catches the signal, and
 * proves that the same process is alive after a while. A signal proves no more than that.
 */
export class SignalTarget implements ReloadTarget {
  readonly readsFile: boolean;
  readonly #options: Required<Omit<SignalTargetOptions, 'readsFile'>>;

  /** @throws TypeError where the name can be no process name. */
  constructor(options: SignalTargetOptions) {
    if (!NAME.test(options.processName)) {
      throw new TypeError(
        `a process name is 1 to 15 of the characters A-Z a-z 0-9 . _ -: ${JSON.stringify(options.processName)}`,
      );
    }
    this.readsFile = options.readsFile ?? true;
    this.#options = {
      processName: options.processName,
      signal: options.signal ?? 'SIGHUP',
      settleMs: options.settleMs ?? 1000,
      processes: options.processes ?? new ProcessTable(),
      kill: options.kill ?? ((pid, signal) => void process.kill(pid, signal)),
    };
  }

  async apply(): Promise<TargetReason> {
    const { processes, signal: signalName, settleMs, processName } = this.#options;
    const target = await this.#find();
    if (!(await processes.catches(target.pid, signalName))) {
      throw new ReloadTargetError(
        'SignalNotHandled',
        `process ${target.pid} (${processName}) does not catch ${signalName}, which would end it; no signal was sent`,
      );
    }
    if (signalName === 'SIGUSR1' && (await processes.hasDebugger(target.pid))) {
      throw new ReloadTargetError(
        'SignalNotHandled',
        `SIGUSR1 would open the debugger of process ${target.pid} (${processName}), which runs in Node.js; choose SIGUSR2 or SIGHUP`,
      );
    }
    await this.#send(target);
    // Stopping does not shorten the proof: it is what makes the result true.
    await sleepQuietly(settleMs);
    if (await processes.isAlive(target)) return 'SignalDelivered';
    throw new ReloadTargetError(
      'ProcessCrashed',
      `process ${target.pid} (${processName}) ended within ${settleMs} ms of ${signalName}`,
    );
  }

  async #find(): Promise<ProcessIdentity> {
    const { processes, processName } = this.#options;
    const found = await processes.findByName(processName).catch((error: unknown) => {
      throw new ReloadTargetError('ProcessNotFound', 'the processes cannot be listed: /proc is not readable', {
        cause: error,
      });
    });
    // Workers that a process forked bear its name; they are its own to tell.
    const pids = new Set(found.map(({ pid }) => pid));
    const [target, ...others] = found.filter(({ parentPid }) => !pids.has(parentPid));
    if (!target) {
      const hint = 'is the PID namespace shared (shareProcessNamespace: true)?';
      throw new ReloadTargetError('ProcessNotFound', `no process is named exactly "${processName}"; ${hint}`);
    }
    if (others.length === 0) return target;
    const shown = [target, ...others].slice(0, 5).map(({ pid }) => pid);
    throw new ReloadTargetError(
      'ProcessNotFound',
      `${others.length + 1} processes are named "${processName}" (${shown.join(', ')}): which one is meant cannot be told`,
    );
  }

  async #send(target: ProcessIdentity): Promise<void> {
    const { processes, kill, signal, processName } = this.#options;
    // The number may have passed to another process since it was found.
    if (!(await processes.isAlive(target)))
      throw new ReloadTargetError('ProcessNotFound', `process ${target.pid} (${processName}) has ended`);
    try {
      kill(target.pid, signal);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
      const reason = code === 'EPERM' ? 'SignalNotPermitted' : 'ProcessNotFound';
      throw new ReloadTargetError(
        reason,
        `${signal} could not be sent to process ${target.pid} (${processName}): ${code}`,
        { cause: error },
      );
    }
  }
}
