import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { commandEnv } from './find-command.ts';

const execute = promisify(execFile);

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal;
  /** Written to the command's standard input, which is closed after it. */
  readonly input?: string;
}

/** Standard output of a command that ended with 0; else an Error with its last lines of standard error. */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { input, env = commandEnv(), ...rest } = options;
  const running = execute(command, [...args], { ...rest, env, maxBuffer: 64 * 1024 * 1024 });
  running.child.stdin?.on('error', () => undefined); // a command may end without reading its input
  running.child.stdin?.end(input ?? '');
  try {
    return (await running).stdout;
  } catch (error) {
    const { code, stderr } = error as { code?: number | string; stderr?: string };
    const said = stderr?.trim().split('\n').slice(-20).join('\n');
    throw new Error(`${command} ${args.join(' ')} ended with ${code ?? 'a signal'}: ${said || String(error)}`, {
      cause: error,
    });
  }
}

/** As `run`, but undefined where the command fails or does not exist. */
export async function tryRun(
  command: string,
  args: readonly string[],
  options?: RunOptions,
): Promise<string | undefined> {
  try {
    return await run(command, args, options);
  } catch {
    return undefined;
  }
}
