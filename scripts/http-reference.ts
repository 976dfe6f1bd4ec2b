import { parse } from 'yaml';
import { escapeCell } from './escape-cell.ts';

interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly pattern?: string;
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxItems?: number;
}
interface Body {
  readonly $ref?: string;
  readonly description?: string;
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>;
}
interface Operation {
  readonly summary: string;
  readonly security?: readonly object[];
  readonly parameters?: readonly { readonly name: string; readonly schema: Schema }[];
  readonly requestBody?: Body;
  readonly responses: Readonly<Record<string, Body>>;
}
interface Api {
  readonly info: { readonly description: string };
  readonly servers: readonly { readonly url: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: Readonly<Record<string, Readonly<Record<string, Body & Schema>>>>;
}

/** `docs/http.md` from the text of `docs/openapi.yaml`. */
export function httpReference(text: string): string {
  const api = parse(text) as Api;
  const calls = Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => showCall(api, `${method.toUpperCase()} ${path}`, operation)),
  );
  const schemas = Object.entries(api.components['schemas'] ?? {})
    .filter(([, { properties }]) => properties)
    .map(([name, schema]) => `### ${name}\n\n${fieldTable(schema)}\n`);
  const scalars = Object.entries(api.components['schemas'] ?? {})
    .filter(([, { properties }]) => !properties)
    .map(
      ([name, schema]) =>
        `- ${name.toLowerCase()}: ${[showType(schema), showBounds(schema)].filter(Boolean).join(', ')}`,
    );
  return `<!-- Generated from docs/openapi.yaml by \`npm run generate\`; do not edit. -->

# HTTP reference of the manager

${api.info.description} Where it listens by default: ${api.servers.map(({ url }) => `\`${url}\``).join(', ')}.
[manager.md](manager.md) tells how it is used; [openapi.yaml](openapi.yaml) is the same for programs.

${calls.join('\n')}
## Objects

${scalars.join('\n')}

${schemas.join('\n')}`;
}

function showCall(api: Api, call: string, operation: Operation): string {
  const { summary, parameters = [], requestBody, responses, security } = operation;
  const open = security ? ' Needs no token.' : '';
  const query = parameters.map(({ name, schema }) => `| \`?${name}=\` | ${showType(schema)} | ${showBounds(schema)} |`);
  const queryTable = query.length === 0 ? '' : `| query | type | |\n|---|---|---|\n${query.join('\n')}\n\n`;
  const asked = requestBody ? `Body, optional:\n\n${fieldTable(schemaOf(resolve(api, requestBody)))}\n\n` : '';
  const rows = Object.entries(responses).map(([status, body]) => {
    const { description = '', content = {} } = resolve(api, body);
    const [type = '', media] = Object.entries(content)[0] ?? [];
    return `| ${status} | ${escapeCell(description)} | ${type === '' ? '' : `\`${type}\``} | ${media ? showType(media.schema) : ''} |`;
  });
  return `## ${call}\n\n${summary}.${open}\n\n${queryTable}${asked}| status | means | type | body |\n|---|---|---|---|\n${rows.join('\n')}\n`;
}

function fieldTable({ properties = {}, required = [] }: Schema): string {
  const rows = Object.entries(properties).map(([name, schema]) => {
    const notes = [schema.description ?? '', showBounds(schema)].filter((one) => one !== '').join('; ');
    return `| \`${name}\` | ${showType(schema)}${required.includes(name) ? ', always' : ''} | ${escapeCell(notes)} |`;
  });
  return ['| field | type | |', '|---|---|---|', ...rows].join('\n');
}

function showType(schema: Schema): string {
  const { $ref, type, const: fixed, enum: choices, oneOf, allOf, items, properties } = schema;
  if ($ref !== undefined) return nameOf($ref);
  if (fixed !== undefined) return `\`${JSON.stringify(fixed)}\``;
  if (choices) return choices.map((one) => `\`${String(one)}\``).join(' ');
  if (oneOf) return oneOf.map(showType).join(' or ');
  if (allOf) return allOf.map(showType).join(', with ');
  if (items) return `list of ${showType(items)}`;
  if (properties)
    return Object.entries(properties)
      .map(([name, one]) => `\`${name}\`: ${showType(one)}`)
      .join(', ');
  return typeof type === 'string' ? type : (type ?? ['any']).join(' or ');
}

function showBounds({ pattern, format, minimum, maximum, maxItems, default: standard }: Schema): string {
  return [
    ...(format === undefined ? [] : [format]),
    ...(pattern === undefined ? [] : [`\`${pattern}\``]),
    ...(minimum === undefined ? [] : [`from ${minimum}`]),
    ...(maximum === undefined ? [] : [`to ${maximum}`]),
    ...(maxItems === undefined ? [] : [`at most ${maxItems}`]),
    ...(standard === undefined ? [] : [`default ${JSON.stringify(standard)}`]),
  ].join(', ');
}

/** What a `$ref` of the components names. */
function resolve(api: Api, body: Body): Body {
  if (body.$ref === undefined) return body;
  const [, , kind = '', name = ''] = body.$ref.split('/');
  const found = api.components[kind]?.[name];
  if (!found) throw new Error(`openapi.yaml has no ${body.$ref}`);
  return found;
}

function schemaOf({ content = {} }: Body): Schema {
  return Object.values(content)[0]?.schema ?? {};
}

/** Scalars by what they are, objects by a link to their table. */
function nameOf(ref: string): string {
  const name = ref.split('/').at(-1) ?? '';
  return /^(Hash|Reason|Result|Trigger)$/.test(name) ? name.toLowerCase() : `[${name}](#${name.toLowerCase()})`;
}
