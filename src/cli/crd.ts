import { stringify } from 'yaml';
import { configReloadCrd } from '../kube/crd.ts';
import { type CliCommand, ExitCode } from './command.ts';
import { newCommand, readSettings } from './settings.ts';

/** `leindex-reloader crd`: prints the CustomResourceDefinition, for `kubectl apply -f -`. */
const describe = () => newCommand('crd', 'Prints the ConfigReload CustomResourceDefinition, for `kubectl apply -f -`.');

const crd: CliCommand = {
  describe,
  run(argv, io) {
    if (readSettings(describe(), argv, io))
      io.stdout.write(stringify(configReloadCrd, { lineWidth: 0, aliasDuplicateObjects: false }));
    return Promise.resolve(ExitCode.done);
  },
};

export default crd;
