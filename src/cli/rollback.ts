import { setTimeout as sleep } from 'node:timers/promises';
import { InvalidArgumentError } from 'commander';
import type { ConfigReloadStatus } from '../core/configreload.ts';
import { annotate } from './annotate.ts';
import { awaitOutcome } from './await-outcome.ts';
import { type ClusterAccess, withCluster } from './cluster-access.ts';
import { CommandError, ExitCode, type CliCommand, type Io } from './command.ts';
import { readReload, readSource } from './read-reload.ts';
import { flag, newCommand, readSettings, wholeNumber } from './settings.ts';
import { addWaitFlags, type WaitSettings } from './wait-flags.ts';

interface Settings extends WaitSettings {
  readonly to: number | 'previous';
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
    const to = String(settings.to === 'previous' ? previousOf(status) : settings.to);
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
    .addOption(
      flag('--to <revision>', 'a revision of `history`, or previous', { parse: revision, default: 'previous' }),
    );
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

function previousOf({ history, appliedRevision }: ConfigReloadStatus): number {
  const earlier = history
    .filter(({ result, revision }) => result === 'success' && revision > 0 && revision < appliedRevision)
    .map(({ revision }) => revision);
  if (earlier.length > 0) return Math.max(...earlier);
  const message = `no revision before ${appliedRevision} has run; name one of \`history\` with --to`;
  throw new CommandError(message, ExitCode.invalid);
}

function revision(word: string): number | 'previous' {
  if (word === 'previous') return word;
  try {
    return wholeNumber(1, 999_999_999)(word);
  } catch {
    throw new InvalidArgumentError(`"${word}" is no revision number, and not previous.`);
  }
}
