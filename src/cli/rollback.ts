import { setTimeout as sleep } from 'node:timers/promises';
import { annotate } from './annotate.ts';
import { awaitOutcome } from './await-outcome.ts';
import { type ClusterAccess, withCluster } from './cluster-access.ts';
import { CommandError, ExitCode, type CliCommand, type Io } from './command.ts';
import { readReload, readSource } from './read-reload.ts';
import { REVISION_WORDS, resolveRevision } from './resolve-revision.ts';
import { flag, newCommand, readSettings } from './settings.ts';
import { addWaitFlags, type WaitSettings } from './wait-flags.ts';

interface Settings extends WaitSettings {
  readonly to: string;
}

const command: CliCommand = { describe: newCommandLine, run };
export default command;

/** `rollback NAME [--to N]`: every target runs the text of an earlier revision. */
async function run(argv: readonly string[], io: Io): Promise<ExitCode> {
  const parsed = readSettings<Settings>(newCommandLine(), argv, io);
  if (!parsed) return ExitCode.done;
  const { settings, args } = parsed;
  const [name = ''] = args;
  return withCluster(settings, async (access) => {
    const { annotations } = await readSource(access, name, io.signal);
    const { status } = await readReload(access, name, io.signal);
    const to = String(resolveRevision(settings.to, status));
    const isInForce = status.appliedRevision === Number(to) && status.desiredRevision === Number(to);
    if (isInForce) {
      io.stdout.write(`${access.namespace}/${name}: revision ${to} runs already\n`);
      return ExitCode.done;
    }
    // The controller serves each value once: the same one again has to go away first.
    if (annotations['reload.leindex.io/rollback-to'] === to) await forget(access, name, io.signal);
    const version = await annotate(access, name, { 'rollback-to': to }, io.signal);
    if (!settings.wait) {
      io.stdout.write(`${access.namespace}/${name}: rollback to revision ${to} requested\n`);
      return ExitCode.done;
    }
    return awaitOutcome(access, {
      name,
      isSeen: ({ observedRollback, observedResourceVersion }) =>
        observedRollback === to || observedResourceVersion === version,
      timeoutMs: settings.timeout,
      io,
    });
  });
}

function newCommandLine() {
  const line = newCommand('rollback', 'Brings every pod that uses the ConfigMap back to an earlier revision.')
    .argument('<name>', 'a ConfigMap')
    .addOption(flag('--to <revision>', REVISION_WORDS, { default: 'previous' }));
  return addWaitFlags(line);
}

/** Takes the annotation away, and waits for at most ten seconds until the controller has seen it. */
async function forget(access: ClusterAccess, name: string, signal: AbortSignal): Promise<void> {
  const version = await annotate(access, name, { 'rollback-to': null }, signal);
  for (let tries = 0; tries < 50; tries++) {
    const { status } = await readReload(access, name, signal);
    if (status.observedResourceVersion === version || status.observedRollback === '') return;
    await sleep(200, undefined, { signal });
  }
  throw new CommandError('the controller does not see the ConfigMap change; is it running?', ExitCode.unreachable);
}
