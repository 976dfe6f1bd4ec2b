import { resolve } from 'node:path';
import { pino, type Logger } from 'pino';
import type { ReloadEvent } from '../core/reload-event.ts';
import type { Validate } from '../core/validation.ts';
import { systemClock, type Clock } from './clock.ts';
import type { ReloadTarget } from './reload-target.ts';
import type { SignalSource } from './sighup.ts';

/** Times are milliseconds, sizes are bytes. */
export interface ReloadManagerOptions {
  /** The configuration file. */
  readonly path: string;
  /** Default: the project's own validator, which never holds the event loop. */
  readonly validate?: Validate;
  /** Events kept, 1–100; default 100. */
  readonly historyLimit?: number;
  /** Where events are kept across restarts (JSON lines); default: memory only. */
  readonly historyFile?: string;
  /** How long an async observer is waited for; default 5000. */
  readonly observerTimeoutMs?: number;
  /** How long a reload by hash waits for the file; default 30000. */
  readonly hashTimeoutMs?: number;
  /** How long after a pushed text the watch distrusts file texts it never saw; default 120000. */
  readonly pushHoldMs?: number;
  /** Largest config text; default 65536. */
  readonly maxConfigBytes?: number;
  /** Whether a signal reloads; default true. Without, the signal is left to the program: by default it ends the process. */
  readonly handleSignals?: boolean;
  /** Default SIGHUP. */
  readonly signal?: NodeJS.Signals;
  /** Default `process`. */
  readonly signalSource?: SignalSource;
  /** Whether the file is watched; default false. */
  readonly watch?: boolean;
  /** How often the watched file is looked at in case the system told nothing; default 30000. */
  readonly pollMs?: number;
  /** How long the folder must be quiet before the watched file is read; default 50. */
  readonly debounceMs?: number;
  /** Another process that takes each validated text over; default: this process is the target. */
  readonly target?: ReloadTarget;
  /** Whether `start` applies the file to `target`: `changed` where the history's newest success has another hash. Default `changed`. */
  readonly initialApply?: 'never' | 'always' | 'changed';
  /** Told of each recorded event, after it is recorded; must return at once. */
  readonly onEvent?: (event: ReloadEvent) => void;
  /** Told of each observer that threw or ran out of time. */
  readonly onObserverFailure?: (kind: 'threw' | 'timeout') => void;
  readonly clock?: Clock;
  /** Default: silent. */
  readonly logger?: Logger;
}

type Optional = 'validate' | 'historyFile' | 'target' | 'onEvent' | 'onObserverFailure';
export type ResolvedOptions = Readonly<
  Required<Omit<ReloadManagerOptions, Optional>> & { [Key in Optional]: ReloadManagerOptions[Key] | undefined }
>;

/** The options with their defaults, frozen. @throws TypeError naming the option that is wrong. */
export function resolveOptions(options: ReloadManagerOptions): ResolvedOptions {
  if (typeof options.path !== 'string' || options.path === '' || options.path.includes('\0')) {
    throw new TypeError('options.path must name the configuration file');
  }
  const whole = (name: keyof ReloadManagerOptions, fallback: number, minimum: number, maximum: number): number => {
    const value = options[name] ?? fallback;
    if (typeof value === 'number' && Number.isInteger(value) && value >= minimum && value <= maximum) return value;
    throw new TypeError(`options.${name} must be a whole number from ${minimum} to ${maximum}`);
  };
  const day = 86_400_000;
  return Object.freeze({
    path: resolve(options.path),
    validate: options.validate,
    historyLimit: whole('historyLimit', 100, 1, 100),
    historyFile: options.historyFile === undefined ? undefined : resolve(options.historyFile),
    observerTimeoutMs: whole('observerTimeoutMs', 5000, 1, day),
    hashTimeoutMs: whole('hashTimeoutMs', 30_000, 0, day),
    pushHoldMs: whole('pushHoldMs', 120_000, 0, day),
    maxConfigBytes: whole('maxConfigBytes', 65_536, 1, 262_144),
    handleSignals: options.handleSignals ?? true,
    signal: options.signal ?? 'SIGHUP',
    signalSource: options.signalSource ?? process,
    watch: options.watch ?? false,
    pollMs: whole('pollMs', 30_000, 10, day),
    debounceMs: whole('debounceMs', 50, 0, 60_000),
    target: options.target,
    initialApply: options.initialApply ?? 'changed',
    onEvent: options.onEvent,
    onObserverFailure: options.onObserverFailure,
    clock: options.clock ?? systemClock,
    logger: options.logger ?? pino({ level: 'silent' }),
  });
}
