import type { ConfigNode } from './config-tree.ts';
import type { FieldSchema } from './default-config.ts';
import { showValue } from './show-value.ts';

/** The offending value of a schema field, for people: escaped and cut. */
export function describeValue(node: ConfigNode): string {
  if (node.kind !== 'scalar' || node.scalar.type === 'null') return describeKind(node);
  if (node.scalar.type === 'string') return `the text ${showValue(node.text)}`;
  return showValue(node.text).replaceAll('"', '');
}

/** What a value is, without showing any of it. */
export function describeKind(node: ConfigNode | undefined): string {
  if (node?.kind === 'mapping') return 'a mapping';
  if (node?.kind === 'sequence') return 'a list';
  return node === undefined || node.scalar.type === 'null' ? 'empty (null)' : 'a single value';
}

/** What would be valid. */
export function expectedValue(schema: FieldSchema): string {
  if (schema.enum) return `one of ${schema.enum.join(', ')}`;
  if (schema.type === 'boolean') return 'true or false';
  return `a whole number from ${schema.minimum} to ${schema.maximum}`;
}
