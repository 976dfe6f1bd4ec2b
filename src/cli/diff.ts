import { diffConfigs, type ConfigValue } from '../core/config-diff.ts';
import type { LeIndexConfig } from '../core/leindex-config.ts';
import type { Validate } from '../core/validation.ts';
import { createBoundedValidator } from '../gate/bounded-validator.ts';
import { CommandError, ExitCode, type CliCommand, type Io } from './command.ts';
import { readConfigTexts } from './read-config-texts.ts';
import { nameInput, readInput } from './read-input.ts';
import { flag, newCommand, readSettings } from './settings.ts';
import { showViolation } from './show-violation.ts';

interface Settings {
  readonly output: 'text' | 'json';
}

const command: CliCommand = { run };
export default command;

async function run(argv: readonly string[], io: Io): Promise<ExitCode> {
  const parsed = readSettings<Settings>(newCommandLine(), argv, io);
  if (!parsed) return ExitCode.done;
  const [oldFile = '', newFile = ''] = parsed.args;
  if (oldFile === '-' && newFile === '-')
    throw new CommandError('only one of the two can be standard input', ExitCode.usage);
  const validator = createBoundedValidator();
  try {
    const before = await readConfig(oldFile, { validate: validator.validate, io });
    const after = await readConfig(newFile, { validate: validator.validate, io });
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
    'Compares the effective values of two configurations, defaults filled in. Exits with 1 where one is invalid.',
  )
    .argument('<old>', 'a LeIndex file, or a manifest with one ConfigMap; - is standard input')
    .argument('<new>', 'the same')
    .addOption(
      flag('-o, --output <format>', 'how to print the changes', { default: 'text', choices: ['text', 'json'] }),
    );
}

/** The one configuration of a file; undefined where it is invalid, after saying why. */
async function readConfig(
  file: string,
  { validate, io }: { validate: Validate; io: Io },
): Promise<LeIndexConfig | undefined> {
  const inputs = readConfigTexts(nameInput(file), await readInput(file, io));
  const [input] = inputs;
  if (!input || inputs.length > 1) {
    throw new CommandError(
      `${nameInput(file)} has ${inputs.length} ConfigMaps; diff compares one with one`,
      ExitCode.usage,
    );
  }
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
