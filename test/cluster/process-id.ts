import { readFileSync } from 'node:fs';

/** A process as it can be told from a later one with the same number. */
export interface ProcessId {
  readonly pid: number;
  /** Clock ticks since boot (Linux); empty where the system does not say. */
  readonly startedAt: string;
}

export function identifyProcess(pid: number): ProcessId {
  return { pid, startedAt: readStart(pid) };
}

/** Whether this very process still runs; one that has ended but was not waited for does not. */
export function isRunning({ pid, startedAt }: ProcessId): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  return readStart(pid) === startedAt && readStatField(pid, 0) !== 'Z';
}

/** Sends a signal to this very process; false where it is gone. */
export function signalProcess(id: ProcessId, signal: NodeJS.Signals): boolean {
  if (!isRunning(id)) return false;
  try {
    return process.kill(id.pid, signal);
  } catch {
    return false;
  }
}

/** Field 22 of /proc/PID/stat, counted after the name, which may hold spaces. */
function readStart(pid: number): string {
  return readStatField(pid, 19);
}

function readStatField(pid: number, index: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[index] ?? '';
  } catch {
    return '';
  }
}
