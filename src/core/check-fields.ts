import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js';
import type { ConfigReading, FieldReading } from './config-reading.ts';
import type { ConfigNode, Finding } from './config-tree.ts';
import { SECTIONS, sectionFields, type FieldSchema, type SectionName } from './default-config.ts';
import { leindexConfigSchema } from './leindex-config.ts';
import { nearestName } from './nearest-name.ts';
import { showKey } from './show-value.ts';
import type { RuleName } from './rules.ts';
import { describeKind, describeValue, expectedValue } from './describe-value.ts';

// allErrors is safe here: our own schema, and a bounded number of keys.
const matchesSchema = new Ajv2020({ strict: true, allErrors: true, ownProperties: true, strictNumbers: true }).compile(
  leindexConfigSchema,
);

/** Everything in which the sections break the schema, each at the place of its value. */
export function checkFields(reading: ConfigReading): Finding[] {
  const isValid = matchesSchema(toPlainObject(reading));
  return isValid ? [] : (matchesSchema.errors ?? []).map((error) => toFinding(error, reading));
}

function toPlainObject({ sections }: ConfigReading): object {
  const plain = [...sections].map(([name, { misplaced, fields }]) => [
    name,
    misplaced
      ? toJsonValue(misplaced)
      : Object.fromEntries([...fields].map(([field, { value }]) => [field, toJsonValue(value)])),
  ]);
  return Object.fromEntries(plain) as object;
}

/** Floats and dates become text: JSON cannot tell 4.0 from 4, and Python does. */
function toJsonValue(node: ConfigNode): unknown {
  if (node.kind === 'mapping') return {};
  if (node.kind === 'sequence') return [];
  const { scalar } = node;
  if (scalar.type === 'null') return null;
  if (scalar.type === 'integer' || scalar.type === 'boolean' || scalar.type === 'string') return scalar.value;
  return `\u0000${node.text}`;
}

function toFinding(error: ErrorObject, reading: ConfigReading): Finding {
  const [, sectionName = '', fieldName] = error.instancePath.split('/').map(unescapePointer);
  if (error.keyword === 'required') return missingSection(String(error.params.missingProperty));
  const section = reading.sections.get(sectionName as SectionName);
  if (!section) throw new Error(`the schema has a rule that no message is written for: ${error.keyword}`);
  if (error.keyword === 'additionalProperties') {
    const name = String(error.params.additionalProperty);
    return unknownKey(sectionName as SectionName, section.fields.get(name), section.at);
  }
  if (fieldName === undefined) {
    return {
      path: sectionName,
      rule: 'type',
      message: `${sectionName} is ${describeKind(section.misplaced)}; valid is a mapping, which may be empty: {}`,
      at: section.misplaced?.at ?? section.at,
    };
  }
  const field = section.fields.get(fieldName);
  const schema = sectionFields(sectionName as SectionName).get(fieldName);
  if (!field || !schema) throw new Error('the schema names a field that was not read');
  return wrongValue(field, schema, error.keyword);
}

function wrongValue({ path, value }: FieldReading, schema: FieldSchema, keyword: string): Finding {
  const rule = keyword === 'enum' ? 'choice' : keyword === 'type' ? typeRule(value, schema) : 'range';
  return { path, rule, message: `${path} is ${describeValue(value)}; valid is ${expectedValue(schema)}`, at: value.at };
}

/** Python's True and False are integers, so that LeIndex would take them: a rule of its own. */
function typeRule(value: ConfigNode, { type }: FieldSchema): RuleName {
  const isBoolean = value.kind === 'scalar' && value.scalar.type === 'boolean';
  return isBoolean && type === 'integer' ? 'boolean-for-integer' : 'type';
}

function missingSection(name: string): Finding {
  return {
    path: name,
    rule: 'missing-section',
    message: `the section ${name} is missing; ${SECTIONS.join(', ')} must all be there and may be empty: ${name}: {}`,
    at: 0,
  };
}

function unknownKey(section: SectionName, field: FieldReading | undefined, fallback: number): Finding {
  const text = field?.key.text ?? '';
  const known = [...sectionFields(section).keys()];
  const nearest = nearestName(text, known);
  return {
    path: section,
    rule: 'unknown-key',
    message: `${showKey(text)} is not known in ${section}; ${nearest === undefined ? `valid are ${known.join(', ')}` : `did you mean ${nearest}?`}`,
    at: field?.key.at ?? fallback,
  };
}

function unescapePointer(part: string): string {
  return part.replaceAll('~1', '/').replaceAll('~0', '~');
}
