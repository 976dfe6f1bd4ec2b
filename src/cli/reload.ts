import { annotate } from './annotate.ts';
import { awaitOutcome } from './await-outcome.ts';
import { withCluster } from './cluster-access.ts';
import { ExitCode, type CliCommand, type Io } from './command.ts';
import { readSource } from './read-reload.ts';
import { newCommand, readSettings } from './settings.ts';
import { addWaitFlags, type WaitSettings } from './wait-flags.ts';

const command: CliCommand = { describe: newCommandLine, run };
export default command;

/** `reload NAME`: every target loads the present text again. */
async function run(argv: readonly string[], io: Io): Promise<ExitCode> {
  const parsed = readSettings<WaitSettings>(newCommandLine(), argv, io);
  if (!parsed) return ExitCode.done;
  const { settings, args } = parsed;
  const [name = ''] = args;
  return withCluster(settings, async (access) => {
    await readSource(access, name, io.signal);
    const request = new Date().toISOString();
    const version = await annotate(access, name, { 'requested-at': request }, io.signal);
    if (!settings.wait) {
      io.stdout.write(`${access.namespace}/${name}: reload requested\n`);
      return ExitCode.done;
    }
    return awaitOutcome(access, {
      name,
      isSeen: ({ observedRequest, observedResourceVersion }) =>
        observedRequest === request || observedResourceVersion === version,
      timeoutMs: settings.timeout,
      io,
    });
  });
}

function newCommandLine() {
  const line = newCommand(
    'reload',
    'Reloads the present text in every pod that uses the ConfigMap, also where it runs.',
  );
  return addWaitFlags(line.argument('<name>', 'a ConfigMap'));
}
