import { Argument } from 'commander';
import { type CliCommand, ExitCode } from './command.ts';
import { completionScripts } from './completion-scripts.ts';
import { newCommand, readSettings } from './settings.ts';

const WHERE_TO = `
bash: source <(leindex-reloader completion bash)         # in ~/.bashrc
zsh:  source <(leindex-reloader completion zsh)          # in ~/.zshrc, after compinit
fish: leindex-reloader completion fish > ~/.config/fish/completions/leindex-reloader.fish

kubectl completes \`kubectl leindex\` by itself, once a link named kubectl_complete-leindex to
this program is in the PATH, beside kubectl-leindex.`;

/** `completion SHELL`: prints a script that asks this program for candidates, so that it never is out of date. */
const completion: CliCommand = {
  describe: newCommandLine,
  run(argv, io) {
    const parsed = readSettings(newCommandLine(), argv, io);
    if (parsed) io.stdout.write(completionScripts[parsed.args[0] as keyof typeof completionScripts]);
    return Promise.resolve(ExitCode.done);
  },
};

export default completion;

function newCommandLine() {
  return newCommand('completion', 'Prints the completion script of a shell.')
    .addArgument(new Argument('<shell>', 'which shell').choices(Object.keys(completionScripts)))
    .addHelpText('after', WHERE_TO);
}
