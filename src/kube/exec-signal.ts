import type { KubeConfig } from '@kubernetes/client-node';
import type { AttemptResult, SignalPort } from '../operator/ports.ts';
import { execInContainer, type ExecResult } from './exec.ts';
import { readAnswer, type ScriptAnswer, SETTLE_MS, signalCommand } from './signal-script.ts';

/** Reloads a process by signal, through one exec that waits for the file, checks, signals and looks. */
export function createSignals(kubeConfig: () => KubeConfig): SignalPort {
  return {
    async attempt({ target, channel, hash, waitMs, isForced, deadlineMs }, signal) {
      // With a record of an older text the container is known to need the signal; without one it may have started with this text.
      const startedAt = isForced || target.record ? undefined : target.running.startedAt;
      const { file, process } = channel;
      const command = signalCommand({ file, hash, signal: channel.signal, process, waitMs, startedAt });
      const { namespace, pod, container } = target;
      const started = performance.now();
      const result = interpret(
        await execInContainer(kubeConfig(), { namespace, pod, container, command, deadlineMs, signal }),
        { hash, process },
      );
      // The script ends `SETTLE_MS` after the signal, which follows the proof at once.
      const provenAfterMs = performance.now() - started - SETTLE_MS;
      return result.reason === 'SignalDelivered' ? { ...result, provenAfterMs } : result;
    },
  };
}

/** What the script was asked for. */
interface Asked {
  readonly hash: string;
  readonly process: string | undefined;
}

function interpret(result: ExecResult, asked: Asked): AttemptResult {
  switch (result.kind) {
    case 'exited':
      return interpretExit(result, asked);
    case 'notStarted':
      return interpretNotStarted(result.message);
    case 'refused':
      return interpretRefusal(result);
    case 'unknown':
      return failed(
        result.isTimeout ? 'ExecTimeout' : 'ExecFailed',
        `${result.message}; whether the signal was sent is not known`,
      );
  }
}

function interpretExit({ exitCode, stdout }: { exitCode: number; stdout: string }, asked: Asked): AttemptResult {
  const answer = readAnswer(stdout);
  if (answer) return interpretAnswer(answer, asked);
  if (exitCode === 126 || exitCode === 127) return shellMissing;
  // The signal ended the container, and the exec with it.
  if (exitCode === 137 || exitCode === 143)
    return failed('ProcessCrashed', 'the container ended while the signal was delivered');
  return failed(
    'ExecUnintelligible',
    `sh in the container ended with code ${exitCode} and no answer that can be understood`,
  );
}

function interpretAnswer({ word, hash }: ScriptAnswer, asked: Asked): AttemptResult {
  if ((word === 'signalled' || word === 'fresh') && hash !== asked.hash) {
    return failed('ExecUnintelligible', `sh in the container answered "${word}" of a text that was not asked for`);
  }
  switch (word) {
    case 'signalled':
      return { reason: 'SignalDelivered', message: '', hash };
    case 'fresh':
      return { reason: 'StartedWithConfig', message: '', hash };
    case 'stale':
      return {
        reason: 'PropagationTimeout',
        message: 'the file in the container does not have the new text yet',
        hash,
      };
    case 'missing':
      return failed('FileMissing', 'the file is not in the container, or its user may not read it');
    case 'no-hash-tool':
      return failed('HashToolMissing', 'the image has no sha256sum, busybox or openssl; add one, or offer an endpoint');
    case 'no-process':
      return failed('ProcessNotFound', 'no process of that name runs in the container; correct the annotation process');
    case 'starting':
      return failed(
        'ProcessStarting',
        'the process has just started, and is not there or does not catch the signal yet',
      );
    case 'unhandled':
      return failed(
        'SignalNotHandled',
        asked.process === undefined
          ? 'process 1 does not catch the signal, which would end it; name the program with the annotation process (with shareProcessNamespace process 1 is the pause container), or choose another signal or strategy'
          : 'the process does not catch the signal, which would end it; choose another signal, process or strategy',
      );
    case 'debugger':
      return failed(
        'SignalNotHandled',
        'the process is Node.js, which opens its debugger at SIGUSR1, so it was not sent; choose SIGUSR2, SIGHUP or an endpoint',
      );
    case 'not-permitted':
      return failed('SignalNotPermitted', 'the user of the container may not signal the process');
    case 'crashed':
      return failed('ProcessCrashed', 'the process ended after the signal');
  }
}

/** Runtimes have no code for "no such program": containerd, CRI-O and runc all carry the kernel's or Go's words for it. */
function interpretNotStarted(message: string): AttemptResult {
  if (/executable file not found|no such file or directory|permission denied/i.test(message)) return shellMissing;
  return failed('ExecFailed', `the command could not be started in the container: ${message}`);
}

function interpretRefusal({ status, message }: { status: number; message: string }): AttemptResult {
  if (status === 401 || status === 403) {
    return failed(
      'ExecForbidden',
      'the controller may not exec into this pod; grant get and create on pods/exec, or offer an endpoint',
    );
  }
  if (status === 404) return failed('TargetGone', 'the pod is gone');
  return failed('ExecFailed', message);
}

const shellMissing = failed(
  'ShellMissing',
  'the image has no sh; offer an endpoint with the embedded manager or the sidecar',
);

function failed(reason: AttemptResult['reason'], message: string): AttemptResult {
  return { reason, message, hash: null };
}
