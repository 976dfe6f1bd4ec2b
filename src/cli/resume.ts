import { pauseCommand } from './set-pause.ts';

export default pauseCommand('resume', 'Ends a pause: what changed meanwhile is reloaded.');
