import { annotate } from './annotate.ts';
import { addClusterFlags } from './cluster-flags.ts';
import { type ClusterSettings, withCluster } from './cluster-access.ts';
import { ExitCode, type CliCommand } from './command.ts';
import { readSource } from './read-reload.ts';
import { newCommand, readSettings } from './settings.ts';

/** The subcommand that sets, or takes away, the annotation `paused`. */
export function pauseCommand(name: 'pause' | 'resume', summary: string): CliCommand {
  const describe = () => addClusterFlags(newCommand(name, summary).argument('<name...>', 'ConfigMaps'));
  return {
    describe,
    async run(argv, io) {
      const parsed = readSettings<ClusterSettings>(describe(), argv, io);
      if (!parsed) return ExitCode.done;
      return withCluster(parsed.settings, async (access) => {
        for (const source of parsed.args) {
          await readSource(access, source, io.signal);
          await annotate(access, source, { paused: name === 'pause' ? 'true' : null }, io.signal);
          io.stdout.write(`${access.namespace}/${source}: ${name}d\n`);
        }
        return ExitCode.done;
      });
    },
  };
}
