import { diffConfigs, type ConfigValue } from '../core/config-diff.ts';
import type { LeIndexConfig } from '../core/leindex-config.ts';
import { printable } from '../core/printable.ts';
import type { Validate } from '../core/validation.ts';
import { createBoundedValidator } from '../gate/bounded-validator.ts';
import type { ClusterSettings } from './cluster-access.ts';
import { CommandError, ExitCode, type CliCommand, type Io } from './command.ts';
import { type Input, splitLines } from './config-text.ts';
import { readConfigTexts } from './read-config-texts.ts';
import { nameInput, readInput } from './read-input.ts';
import { flag, newCommand, readSettings } from './settings.ts';
import { showViolation } from './show-violation.ts';

interface Settings extends ClusterSettings {
  readonly output: 'text' | 'json';
}

const command: CliCommand = { describe: newCommandLine, run };
export default command;

async function run(argv: readonly string[], io: Io): Promise<ExitCode> {
  const parsed = readSettings<Settings>(newCommandLine(), argv, io);
  if (!parsed) return ExitCode.done;
  const [oldFile = '', newFile] = parsed.args;
  if (oldFile === '-' && newFile === '-')
    throw new CommandError('only one of the two can be standard input', ExitCode.usage);
  const validator = createBoundedValidator();
  try {
    const inputs =
      newFile === undefined
        ? await readRevisions(oldFile, parsed.settings, io)
        : [await readFileInput(oldFile, io), await readFileInput(newFile, io)];
    const [before, after] = await Promise.all(
      inputs.map((input) => readConfig(input, { validate: validator.validate, io })),
    );
    if (!before || !after) return ExitCode.invalid;
    const changes = diffConfigs(before, after);
    if (parsed.settings.output === 'json') io.stdout.write(`${JSON.stringify(changes, null, 2)}\n`);
    else if (changes.length === 0) io.stdout.write('no effective value differs\n');
    else for (const { path, from, to } of changes) io.stdout.write(`${path}: ${show(from)} → ${show(to)}\n`);
    return ExitCode.done;
  } finally {
    await validator.close();
  }
}

function newCommandLine() {
  return newCommand(
    'diff',
    'Compares the effective values of two files, defaults filled in; or, with one name, of the last known good revision and the present text of a ConfigMap. Exits with 1 where one is invalid.',
  )
    .argument('<old>', 'a LeIndex file, or a manifest with one ConfigMap (- is standard input); alone: a ConfigMap')
    .argument('[new]', 'the same kind of file')
    .addOption(flag('-n, --namespace <name>', "where the ConfigMap is (default: the context's namespace)"))
    .addOption(flag('--kubeconfig <file>', 'how to reach the cluster (default: KUBECONFIG, then ~/.kube/config)'))
    .addOption(flag('--context <name>', 'context of the kubeconfig (default: its current one)'))
    .addOption(
      flag('-o, --output <format>', 'how to print the changes', { default: 'text', choices: ['text', 'json'] }),
    );
}

/** Comparing files needs no cluster: its client is loaded for a name only. */
async function readRevisions(name: string, settings: Settings, io: Io): Promise<Input[]> {
  if (!/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(name)) {
    throw new CommandError(
      `"${printable(name, 253)}" is no name of a ConfigMap; files are compared by twos`,
      ExitCode.usage,
    );
  }
  const { readRevisionPair } = await import('./diff-revision.ts');
  const pair = await readRevisionPair(name, settings, io.signal);
  return [asInput(pair.oldName, pair.old), asInput(pair.newName, pair.new)];
}

function asInput(source: string, content: Uint8Array): Input {
  const lines = splitLines(new TextDecoder().decode(content));
  return { source, file: source, content, lines, place: (at) => at };
}

async function readFileInput(file: string, io: Io): Promise<Input> {
  const inputs = readConfigTexts(nameInput(file), await readInput(file, io));
  const [input] = inputs;
  if (input && inputs.length === 1) return input;
  throw new CommandError(
    `${nameInput(file)} has ${inputs.length} ConfigMaps; diff compares one with one`,
    ExitCode.usage,
  );
}

/** The configuration of a text; undefined where it is invalid, after saying why. */
async function readConfig(
  input: Input,
  { validate, io }: { validate: Validate; io: Io },
): Promise<LeIndexConfig | undefined> {
  const isColoured = io.stderr.isTTY === true;
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

function show(value: ConfigValue | null): string {
  return value === null ? 'nothing' : String(value);
}
