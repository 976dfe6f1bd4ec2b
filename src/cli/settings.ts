import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { formatDuration, parseDuration } from '../core/duration.ts';
import { printable } from '../core/printable.ts';
import { CommandError, ExitCode, type Io } from './command.ts';
import { programName } from './program-name.ts';

/** Every flag can also come from the environment: `--token-file` from `LEINDEX_RELOADER_TOKEN_FILE`. */
const ENV_PREFIX = 'LEINDEX_RELOADER_';

/**
 * A subcommand's flags and arguments, before `readSettings` reads them. Add options with `flag`.
 * Usage errors end with exit code 2 and name the flag, the value and what would be right.
 */
export function newCommand(name: string, summary: string): Command {
  return new Command(`${programName} ${name}`)
    .description(summary)
    .exitOverride()
    .showSuggestionAfterError()
    .allowExcessArguments(false)
    .helpOption('-h, --help', 'show this help')
    .addHelpText('after', `\nFlags also come from the environment, --like-this as ${ENV_PREFIX}LIKE_THIS.`);
}

/** An option; `parse` throws InvalidArgumentError on a bad value. `default` is shown as a person would write it. */
export function flag(
  flags: string,
  description: string,
  extra: { default?: unknown; parse?: (word: string, previous: unknown) => unknown; choices?: readonly string[] } = {},
): Option {
  const option = new Option(flags, description);
  if (extra.choices) option.choices([...extra.choices]);
  if (extra.parse) option.argParser(extra.parse);
  if (extra.default !== undefined) option.default(extra.default, showDefault(extra.default, extra.parse === duration));
  return option;
}

function showDefault(value: unknown, isDuration: boolean): string {
  if (isDuration && typeof value === 'number') return formatDuration(value);
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.join(',');
  const { host, port } = Object(value) as Partial<HostPort>;
  return host !== undefined && port !== undefined ? `${host}:${port}` : String(value);
}

/** Parses argv, and the environment for flags that argv leaves out; undefined where help was asked for and shown. Frozen. */
export function readSettings<Settings extends object>(
  command: Command,
  argv: readonly string[],
  io: Io,
  env: Readonly<Record<string, string | undefined>> = process.env,
): { settings: Readonly<Settings>; args: readonly string[] } | undefined {
  command.configureOutput({
    writeOut: (text) => io.stdout.write(text),
    writeErr: () => undefined, // the CommandError carries it
  });
  try {
    command.parse([...fromEnvironment(command, argv, env), ...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return undefined;
    throw usageError(command, error.message.replace(/^error: /, ''), error);
  }
  return { settings: Object.freeze(command.opts<Settings>()), args: Object.freeze([...command.args]) };
}

/** As words of a command line: `--listen=…` for a flag with a value, `--watch` for one without that is `true` or `1`. */
function fromEnvironment(
  command: Command,
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): string[] {
  return command.options.flatMap(({ long, required, optional }) => {
    if (typeof long !== 'string' || argv.some((word) => word === long || word.startsWith(`${long}=`))) return [];
    const name = ENV_PREFIX + long.replace(/^--/, '').toUpperCase().replaceAll('-', '_');
    const value = env[name];
    if (value === undefined || value === '') return [];
    if (required || optional) return [`${long}=${value}`];
    if (/^(true|1)$/.test(value)) return [long];
    if (/^(false|0)$/.test(value)) return [];
    throw usageError(command, `${name} is "${printable(value, 64)}"; it must be true or false`);
  });
}

/** Colours are for terminals that know them, and for nobody who says NO_COLOR (https://no-color.org). */
export function hasColours(
  stream: { readonly isTTY?: boolean },
  env: Readonly<Record<string, string | undefined>> = process.env,
): boolean {
  return stream.isTTY === true && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
}

function usageError(command: Command, message: string, cause?: unknown): CommandError {
  return new CommandError(`${message}\nSee: ${command.name()} --help`, ExitCode.usage, { cause });
}

/** For options that may be given several times, or once with commas (the environment's way). */
export function collect(word: string, previous: unknown): string[] {
  return append(previous, word.split(','));
}

/** The same for URLs, which may hold commas of their own: only one before `http://` or `https://` begins the next. */
export function collectUrls(word: string, previous: unknown): string[] {
  return append(previous, word.split(/,(?=https?:\/\/)/i));
}

function append(previous: unknown, words: readonly string[]): string[] {
  return [...(Array.isArray(previous) ? (previous as string[]) : []), ...words.filter(Boolean)];
}

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** `127.0.0.1:8686`, `:8080`, `[::1]:8080`; port 0 asks the system for a free one. */
export function hostPort(word: string): HostPort {
  const match = /^(?:\[(?<six>[0-9A-Fa-f:.]+)\]|(?<host>[^:\s]*)):(?<port>\d{1,5})$/.exec(word);
  const port = Number(match?.groups?.port);
  if (!match?.groups || port > 65535)
    throw new InvalidArgumentError(`"${word}" is not HOST:PORT, as in 127.0.0.1:8686.`);
  return { host: match.groups.six ?? (match.groups.host || '0.0.0.0'), port };
}

/** A whole number in a range, both ends allowed. */
export function wholeNumber(minimum: number, maximum: number): (word: string) => number {
  return (word) => {
    const value = Number(word);
    if (!/^\d+$/.test(word) || value < minimum || value > maximum) {
      throw new InvalidArgumentError(`"${word}" is not a whole number from ${minimum} to ${maximum}.`);
    }
    return value;
  };
}

/** Milliseconds, from `500ms`, `30s`, `2m`, `1h`, `1m30s`. */
export function duration(word: string): number {
  const value = parseDuration(word);
  if (value === undefined) throw new InvalidArgumentError(`"${word}" is not a duration, as in 500ms, 30s or 2m.`);
  return value;
}

/** pino's levels, from least to most talkative. */
export const LOG_LEVELS = ['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;
