import { pauseCommand } from './set-pause.ts';

export default pauseCommand(
  'pause',
  'Makes the controller observe ConfigMaps only: nothing is reloaded until `resume`.',
);
