import { DEFAULT_MAX_BYTES, HARD_MAX_BYTES } from '../core/read-bytes.ts';
import type { LeIndexConfig } from '../core/leindex-config.ts';
import type { Validate, Violation } from '../core/validation.ts';
import { createBoundedValidator } from '../gate/bounded-validator.ts';
import { CommandError, ExitCode, type CliCommand, type Io } from './command.ts';
import type { Input } from './config-text.ts';
import { addClusterFlags } from './cluster-flags.ts';
import { readTexts, type TextSettings } from './read-config-texts.ts';
import { flag, hasColours, newCommand, readSettings, wholeNumber } from './settings.ts';
import { showConfig } from './show-config.ts';
import { showViolation } from './show-violation.ts';

interface Settings extends TextSettings {
  readonly output: 'text' | 'json';
  readonly effective: boolean;
  readonly maxConfigBytes: number;
}

/** One text's result: an element of what `-o json` prints. */
interface Entry {
  readonly source: string;
  readonly valid: boolean;
  /** Null where there is no text: the key is missing, or the manifest has no ConfigMap. */
  readonly hash: string | null;
  readonly violations: readonly Violation[];
  readonly warnings: readonly Violation[];
  readonly config?: LeIndexConfig;
}

const command: CliCommand = { describe: newCommandLine, run };
export default command;

async function run(argv: readonly string[], io: Io): Promise<ExitCode> {
  const parsed = readSettings<Settings>(newCommandLine(), argv, io);
  if (!parsed) return ExitCode.done;
  const { settings, args } = parsed;
  const validator = createBoundedValidator({ maxBytes: settings.maxConfigBytes });
  try {
    const results: { input: Input; entry: Entry }[] = [];
    let worst: ExitCode = ExitCode.done;
    for (const file of args) {
      try {
        for (const input of await readTexts(file, settings, io)) {
          results.push({ input, entry: await judge(input, validator.validate, settings.effective) });
        }
      } catch (error) {
        if (!(error instanceof CommandError)) throw error;
        io.stderr.write(`leindex-reloader validate: ${error.message}\n`);
        worst = error.exitCode;
      }
    }
    if (settings.output === 'json')
      io.stdout.write(
        `${JSON.stringify(
          results.map(({ entry }) => entry),
          null,
          2,
        )}\n`,
      );
    else for (const { input, entry } of results) io.stdout.write(showEntry(input, entry, hasColours(io.stdout)));
    if (worst !== ExitCode.done) return worst;
    return results.every(({ entry }) => entry.valid) ? ExitCode.done : ExitCode.invalid;
  } finally {
    await validator.close();
  }
}

function newCommandLine() {
  const line = newCommand(
    'validate',
    'Checks LeIndex files, the ConfigMaps of manifests, and ConfigMaps of the cluster. Exits with 1 where one is invalid, 3 where one cannot be read.',
  )
    .argument(
      '<file|name...>',
      'LeIndex files or manifests with ConfigMaps, - for standard input; or ConfigMaps of the cluster: a word that is no file and does not look like one, or configmap/NAME',
    )
    .addOption(flag('--key <key>', 'data key of a ConfigMap of the cluster (default: as the controller finds it)'))
    .addOption(
      flag('-o, --output <format>', 'how to print the results', { default: 'text', choices: ['text', 'json'] }),
    )
    .addOption(flag('--effective', 'print the effective values too, with the defaults filled in', { default: false }))
    .addOption(
      flag('--max-config-bytes <n>', 'largest config text', {
        default: DEFAULT_MAX_BYTES,
        parse: wholeNumber(1, HARD_MAX_BYTES),
      }),
    );
  return addClusterFlags(line);
}

async function judge(input: Input, validate: Validate, isEffective: boolean): Promise<Entry> {
  const { source, annotations = { violations: [], warnings: [] } } = input;
  if ('violation' in input) {
    const violations = [...annotations.violations, input.violation];
    return { source, valid: false, hash: null, violations, warnings: annotations.warnings };
  }
  const outcome = await validate(input.content);
  const place = (violation: Violation) => ({ ...violation, ...input.place(violation) });
  const violations = [...annotations.violations, ...(outcome.valid ? [] : outcome.violations.map(place))];
  const warnings = [...annotations.warnings, ...outcome.warnings.map(place)];
  const entry = { source, valid: violations.length === 0, hash: outcome.hash, violations, warnings };
  return { ...entry, ...(isEffective && entry.valid && outcome.valid && { config: outcome.config }) };
}

function showEntry(
  input: Input,
  { source, valid, hash, violations, warnings, config }: Entry,
  isColoured: boolean,
): string {
  const { annotations } = input;
  const ofAnnotations = new Set(annotations && [...annotations.violations, ...annotations.warnings]);
  const show = (kind: 'error' | 'warning') => (violation: Violation) => {
    const { file, lines } = (ofAnnotations.has(violation) && annotations) || input;
    return showViolation({ violation, kind, file, lines, isColoured });
  };
  const verdict = valid
    ? `valid ${hash ?? ''}`
    : `invalid: ${violations.length} ${violations.length === 1 ? 'violation' : 'violations'}`;
  const effective = config ? showConfig(config) : '';
  return [
    ...violations.map(show('error')),
    ...warnings.map(show('warning')),
    `${source}: ${verdict}\n`,
    effective,
  ].join('');
}
