import type { CliCommand } from './command.ts';

/** A subcommand as help and completion list it; its module is loaded when it is asked for. */
export interface CommandEntry {
  readonly summary: string;
  /** For programs, not for people: help and completion leave it out. */
  readonly isHidden?: true;
  readonly load: () => Promise<{ default: CliCommand }>;
}

/** What shells call for completion: `__complete WORD…`, as programs made with Go's cobra do, so that kubectl can call it too. */
export const COMPLETE = '__complete';

/** Every subcommand by its name, in the order that help lists them. */
export const commands: Readonly<Record<string, CommandEntry>> = {
  controller: {
    summary: 'watch annotated ConfigMaps and reload the pods that use them',
    load: () => import('./controller.ts'),
  },
  manager: { summary: 'reload one configuration file inside the pod', load: () => import('./manager.ts') },
  validate: {
    summary: 'check LeIndex files, manifests, and ConfigMaps of the cluster',
    load: () => import('./validate.ts'),
  },
  diff: {
    summary: 'compare two configurations, or revisions of a ConfigMap',
    load: () => import('./diff.ts'),
  },
  status: { summary: 'show what a ConfigMap asks for and what its pods run', load: () => import('./status.ts') },
  history: { summary: 'show the reloads of a ConfigMap', load: () => import('./history.ts') },
  reload: { summary: 'reload the present text again', load: () => import('./reload.ts') },
  rollback: { summary: 'go back to an earlier revision', load: () => import('./rollback.ts') },
  pause: { summary: 'observe a ConfigMap only', load: () => import('./pause.ts') },
  resume: { summary: 'end a pause', load: () => import('./resume.ts') },
  crd: { summary: 'print the ConfigReload CustomResourceDefinition', load: () => import('./crd.ts') },
  completion: { summary: 'print the completion script of a shell', load: () => import('./completion.ts') },
  [COMPLETE]: { summary: 'complete a command line', isHidden: true, load: () => import('./complete.ts') },
};

/** Those for people. */
export const shownCommands = Object.entries(commands).filter(([, { isHidden }]) => isHidden !== true);
