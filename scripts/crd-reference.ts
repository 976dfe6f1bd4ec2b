import { configReloadCrd } from '../src/kube/crd.ts';
import { escapeCell } from './escape-cell.ts';

/** What of a CRD's schema is shown. */
interface Schema {
  readonly type?: string;
  readonly format?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly required?: readonly string[];
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly maxItems?: number;
}

/** `docs/crd.md`: every field of the ConfigReload with its type, bounds and meaning; throws where one says nothing. */
export function crdReference(): string {
  const { group, names, scope, versions } = configReloadCrd.spec;
  const [{ name: version, schema, additionalPrinterColumns }] = versions;
  const root: Schema = schema.openAPIV3Schema;
  const { spec, status } = root.properties ?? {};
  if (!spec || !status) throw new Error('the CRD has no spec or status');
  const columns = additionalPrinterColumns.map(
    ({ name, jsonPath, ...rest }) => `| ${name}${'priority' in rest ? ' (wide)' : ''} | \`${escapeCell(jsonPath)}\` |`,
  );
  return `<!-- Generated from src/kube/crd.ts by \`npm run generate\`; do not edit. -->

# ConfigReload

${root.description ?? ''} \`kubectl explain configreload.status\` says the same.

\`apiVersion: ${group}/${version}\`, \`kind: ${names.kind}\`, ${scope.toLowerCase()}; for kubectl \`${names.plural}\`, \`${names.shortNames.join('`, `')}\`, category \`${names.categories.join('`, `')}\`.

## spec

${table(spec, 'spec')}

## status

Empty fields are left out: an absent text, list or number means "not yet".

${table(status, 'status')}

## What kubectl get shows

| column | of |
|---|---|
${columns.join('\n')}
`;
}

function table(schema: Schema, path: string): string {
  return ['| field | type | bounds | meaning |', '|---|---|---|---|', ...rowsOf(schema, path)].join('\n');
}

function rowsOf({ properties = {}, required = [] }: Schema, path: string): string[] {
  return Object.entries(properties).flatMap(([name, schema]) => {
    const at = `${path}.${name}${schema.type === 'array' ? '[]' : ''}`;
    if (schema.description === undefined) throw new Error(`${at} has no description`);
    const must = required.includes(name) ? ', required' : '';
    const row = `| \`${at}\` | ${showType(schema)}${must} | ${showBounds(schema)} | ${escapeCell(schema.description)} |`;
    return [row, ...rowsOf(schema.items ?? schema, at)];
  });
}

function showType({ type, format, items, properties }: Schema): string {
  if (type === 'array') return `list of ${items?.properties ? 'objects' : showType(items ?? {})}`;
  if (properties) return 'object';
  return format === 'date-time' ? 'time' : (type ?? 'any');
}

function showBounds(schema: Schema): string {
  const { enum: choices, pattern, minimum, minLength, maxLength, maxItems, items } = schema;
  const inner = items && !items.properties ? showBounds(items) : '';
  return [
    ...(choices ? [choices.map((one) => `\`${one}\``).join(' ')] : []),
    ...(pattern === undefined ? [] : [`\`${escapeCell(pattern)}\``]),
    ...(minimum === undefined ? [] : [`from ${minimum}`]),
    ...(minLength === undefined ? [] : [`from ${minLength} characters`]),
    ...(maxLength === undefined ? [] : [`to ${maxLength} characters`]),
    ...(maxItems === undefined ? [] : [`at most ${maxItems}`]),
    ...(inner === '' ? [] : [`each ${inner}`]),
  ].join(', ');
}
