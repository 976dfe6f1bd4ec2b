import { isMap, isScalar, parseDocument, stringify, type Node, type Pair, type YAMLMap } from 'yaml';

/** One value of a chart: its path, the comment above it, and its default as YAML in one line. */
export interface ChartValue {
  readonly path: string;
  readonly description: string;
  readonly default: string;
}

/** Every value of a `values.yaml`, in order; throws where one has no comment. A value that is a map with comments inside is a group. */
export function readChartValues(text: string): readonly ChartValue[] {
  const { contents } = parseDocument(text);
  if (!isMap(contents)) throw new Error('values.yaml is not a map');
  return valuesOf(contents, '');
}

/** A Markdown table of them. */
export function chartValuesTable(text: string): string {
  const rows = readChartValues(text).map(
    ({ path, description, default: value }) => `| \`${path}\` | ${description} | \`${value}\` |`,
  );
  return ['| value | what it does | default |', '|---|---|---|', ...rows].join('\n');
}

function valuesOf(map: YAMLMap, prefix: string, inherited?: string | null): ChartValue[] {
  return map.items.flatMap((pair, index) => {
    const { key, value } = pair as Pair<Node, Node | null>;
    if (!isScalar(key)) throw new Error('a key of values.yaml is no scalar');
    const path = prefix + String(key.value);
    // The comment above the first key of a nested map belongs to the map's node.
    const comment = key.commentBefore ?? (index === 0 ? (map.commentBefore ?? inherited) : undefined);
    const description = lastParagraph(comment);
    if (isMap(value) && description === undefined) return valuesOf(value, `${path}.`, value.commentBefore);
    if (description === undefined) throw new Error(`values.yaml: ${path} has no comment above it`);
    return [{ path, description, default: inOneLine(value) }];
  });
}

function lastParagraph(comment: string | null | undefined): string | undefined {
  const paragraph = comment?.split(/\n\s*\n/).at(-1);
  return paragraph
    ?.split('\n')
    .map((line) => line.trim())
    .join(' ');
}

function inOneLine(value: Node | null): string {
  const plain: unknown = value?.toJSON() ?? null;
  return typeof plain === 'object' ? JSON.stringify(plain) : stringify(plain).trim();
}
