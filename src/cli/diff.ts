import { type ConfigChange, type ConfigValue, diffConfigs } from '../core/config-diff.ts';
import type { LeIndexConfig } from '../core/leindex-config.ts';
import { printable } from '../core/printable.ts';
import type { Validate } from '../core/validation.ts';
import { createBoundedValidator } from '../gate/bounded-validator.ts';
import type { ClusterSettings } from './cluster-access.ts';
import { addClusterFlags } from './cluster-flags.ts';
import { CommandError, ExitCode, type CliCommand, type Io } from './command.ts';
import { configMapName } from './config-map-name.ts';
import type { Input } from './config-text.ts';
import { readTexts } from './read-config-texts.ts';
import { nameInput } from './read-input.ts';
import { REVISION_WORDS } from './resolve-revision.ts';
import { flag, hasColours, newCommand, readSettings } from './settings.ts';
import { showViolation } from './show-violation.ts';

interface Settings extends ClusterSettings {
  readonly output: 'text' | 'json';
  readonly from: string;
  readonly to: string;
}

const command: CliCommand = { describe: newCommandLine, run };
export default command;

async function run(argv: readonly string[], io: Io): Promise<ExitCode> {
  const parsed = readSettings<Settings>(newCommandLine(), argv, io);
  if (!parsed) return ExitCode.done;
  const { settings, args } = parsed;
  const [first = '', second] = args;
  if (first === '-' && second === '-')
    throw new CommandError('only one of the two can be standard input', ExitCode.usage);
  const validator = createBoundedValidator();
  try {
    const inputs =
      second === undefined
        ? await readRevisions(first, settings, io)
        : ([await readOne(first, settings, io), await readOne(second, settings, io)] as const);
    const [before, after] = await Promise.all(
      inputs.map((input) => readConfig(input, { validate: validator.validate, io })),
    );
    if (!before || !after) return ExitCode.invalid;
    const changes = diffConfigs(before, after);
    if (settings.output === 'json') io.stdout.write(`${JSON.stringify(changes, null, 2)}\n`);
    else io.stdout.write((second === undefined ? showHead(inputs) : '') + showChanges(changes));
    return ExitCode.done;
  } finally {
    await validator.close();
  }
}

function newCommandLine() {
  const line = newCommand(
    'diff',
    'Compares the effective values of two texts, defaults filled in: of two files, or, with one name, of two revisions of a ConfigMap, the last known good one and its present text where nothing else is said. Exits with 1 where one is invalid.',
  )
    .argument(
      '<file|name>',
      'a LeIndex file, a manifest with one ConfigMap (- is standard input), or a ConfigMap of the cluster',
    )
    .argument('[file|name]', 'the same; a ConfigMap by its present text')
    .addOption(flag('--from <revision>', `with one name: ${REVISION_WORDS}, or live`, { default: 'good' }))
    .addOption(flag('--to <revision>', 'the same', { default: 'live' }))
    .addOption(
      flag('-o, --output <format>', 'how to print the changes', { default: 'text', choices: ['text', 'json'] }),
    );
  return addClusterFlags(line);
}

/** Comparing files needs no cluster: its client is loaded for a name only. */
async function readRevisions(word: string, settings: Settings, io: Io): Promise<readonly [Input, Input]> {
  const name = configMapName(word);
  if (name === undefined) {
    throw new CommandError(
      `"${printable(word, 253)}" is a file, or no name of a ConfigMap; files are compared by twos`,
      ExitCode.usage,
    );
  }
  const { readRevisionPair } = await import('./diff-revision.ts');
  return readRevisionPair({ name, from: settings.from, to: settings.to }, settings, io.signal);
}

async function readOne(word: string, settings: Settings, io: Io): Promise<Input> {
  const inputs = await readTexts(word, settings, io);
  const [input] = inputs;
  if (input && inputs.length === 1) return input;
  throw new CommandError(
    `${nameInput(word)} has ${inputs.length} ConfigMaps; diff compares one with one`,
    ExitCode.usage,
  );
}

function showHead([before, after]: readonly [Input, Input]): string {
  return `--- ${before.source}\n+++ ${after.source}\n`;
}

/** The configuration of a text; undefined where it is invalid, after saying why. */
async function readConfig(
  input: Input,
  { validate, io }: { validate: Validate; io: Io },
): Promise<LeIndexConfig | undefined> {
  const isColoured = hasColours(io.stderr);
  const outcome =
    'violation' in input ? { valid: false as const, violations: [input.violation] } : await validate(input.content);
  if (outcome.valid) return outcome.config;
  for (const violation of outcome.violations) {
    const placed = 'place' in input ? { ...violation, ...input.place(violation) } : violation;
    io.stderr.write(
      showViolation({ violation: placed, kind: 'error', file: input.file, lines: input.lines, isColoured }),
    );
  }
  return undefined;
}

function showChanges(changes: readonly ConfigChange[]): string {
  if (changes.length === 0) return 'no effective value differs\n';
  return changes.map(({ path, from, to }) => `${path}: ${show(from)} → ${show(to)}\n`).join('');
}

function show(value: ConfigValue | null): string {
  return value === null ? 'nothing' : String(value);
}
