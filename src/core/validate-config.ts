import { checkFields } from './check-fields.ts';
import { contentHash } from './content-hash.ts';
import { checkAcrossFields } from './cross-field.ts';
import type { ConfigReading } from './config-reading.ts';
import type { ConfigNode, Finding } from './config-tree.ts';
import { fillDefaults, type SectionName, type SectionValues } from './default-config.ts';
import type { LeIndexConfig } from './leindex-config.ts';
import { findUnusualNumbers } from './find-unusual-numbers.ts';
import { locate } from './locate.ts';
import { readBytes } from './read-bytes.ts';
import { readConfig } from './read-config.ts';
import { readYaml } from './yaml-1.1/read-yaml.ts';
import type { ValidationOutcome } from './validation.ts';

export interface ValidateOptions {
  /** Largest text, in bytes; default 65536 (64 KiB), at most 262144. */
  readonly maxBytes?: number;
}

/**
 * Whether LeIndex would take this text, and what it would run on. Sound: what is accepted here, LeIndex accepts with the same
 * effective values. What is refused here and not by LeIndex is listed in `rules.ts` as `stricter`.
 * Never throws on any text. Synchronous: for a text from outside use `createBoundedValidator` of `gate/`.
 */
export function validateConfig(content: string | Uint8Array, options: ValidateOptions = {}): ValidationOutcome {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  const hash = contentHash(bytes);
  const { text, config, findings, warnings } = examine(bytes, options);
  const locatedWarnings = Object.freeze(locate(warnings, text));
  if (config && findings.length === 0) return Object.freeze({ valid: true, hash, config, warnings: locatedWarnings });
  const [first, ...rest] = locate(findings, text);
  if (!first) throw new Error('a refusal without a violation');
  return Object.freeze({
    valid: false,
    hash,
    violations: Object.freeze([first, ...rest] as const),
    warnings: locatedWarnings,
  });
}

interface Examined {
  readonly text: string;
  readonly config?: LeIndexConfig;
  readonly findings: readonly Finding[];
  readonly warnings: readonly Finding[];
}

function examine(bytes: Uint8Array, options: ValidateOptions): Examined {
  const { text, finding } = readBytes(bytes, options.maxBytes);
  if (finding) return { text, findings: [finding], warnings: [] };
  const { root, findings } = readYaml(text);
  if (root?.kind === 'mapping') return { text, ...judge(readConfig(root), findings) };
  if (findings.length > 0) return { text, findings, warnings: [] };
  return { text, findings: [refuseRoot(root)], warnings: [] };
}

function judge(reading: ConfigReading, before: readonly Finding[]): Omit<Examined, 'text'> {
  const { warnings } = reading;
  if (reading.findings.length > 0 && reading.sections.size === 0)
    return { findings: [...before, ...reading.findings], warnings };
  const wrongFields = checkFields(reading);
  const config = fillDefaults(plainValues(reading));
  const wrongPaths = new Set(wrongFields.map(({ path }) => path));
  const findings = [...before, ...reading.findings, ...wrongFields, ...checkAcrossFields(config, reading, wrongPaths)];
  return findings.length === 0
    ? { config, findings, warnings: [...warnings, ...findUnusualNumbers(reading)] }
    : { findings, warnings };
}

function plainValues({ sections }: ConfigReading): SectionValues {
  const values = (name: SectionName) =>
    new Map(
      [...(sections.get(name)?.fields ?? [])].map(([field, { value }]): [string, unknown] => [
        field,
        scalarValue(value),
      ]),
    );
  return { memory: values('memory'), projects: values('projects'), performance: values('performance') };
}

function scalarValue(node: ConfigNode): unknown {
  return node.kind === 'scalar' && 'value' in node.scalar ? node.scalar.value : undefined;
}

function refuseRoot(root: ConfigNode | undefined): Finding {
  const isEmpty = !root || (root.kind === 'scalar' && root.scalar.type === 'null');
  return isEmpty
    ? {
        path: '$',
        rule: 'empty',
        message:
          'the text has no configuration, and missing never means defaults; write version: "2.0" and the sections memory, projects, performance',
        at: 0,
      }
    : {
        path: '$',
        rule: 'not-a-mapping',
        message: 'the document is no mapping; write keys and values, as in version: "2.0"',
        at: root.at,
      };
}
