import type { Command } from 'commander';
import { addClusterFlags } from './cluster-flags.ts';
import { type ClusterSettings } from './cluster-access.ts';
import { duration, flag } from './settings.ts';

export interface WaitSettings extends ClusterSettings {
  /** False with `--no-wait`. */
  readonly wait: boolean;
  /** Milliseconds. */
  readonly timeout: number;
}

/** For subcommands that ask the controller for something and wait for its outcome. */
export function addWaitFlags(command: Command): Command {
  return addClusterFlags(command)
    .addOption(flag('--no-wait', 'ask for it only'))
    .addOption(flag('--timeout <duration>', 'longest wait for the outcome', { parse: duration, default: 300_000 }));
}
