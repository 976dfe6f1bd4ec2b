import { stringify } from 'yaml';
import { configReloadCrd } from '../kube/crd.ts';
import { type CliCommand, ExitCode } from './command.ts';
import { newCommand, readSettings } from './settings.ts';

/** `leindex-reloader crd`: prints the CustomResourceDefinition, for `kubectl apply -f -`. */
const crd: CliCommand = {
  run(argv, io) {
    const command = newCommand('crd', 'Print the ConfigReload CustomResourceDefinition, for kubectl apply -f -.');
    if (readSettings(command, argv, io))
      io.stdout.write(stringify(configReloadCrd, { lineWidth: 0, aliasDuplicateObjects: false }));
    return Promise.resolve(ExitCode.done);
  },
};

export default crd;
