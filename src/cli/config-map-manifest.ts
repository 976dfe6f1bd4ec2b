import { isMap, isScalar, LineCounter, parseAllDocuments, Scalar, type Document, type Node, type YAMLMap } from 'yaml';
import type { Annotations } from '../core/annotations.ts';
import { KEY_ANNOTATION } from '../core/names.ts';
import { printable } from '../core/printable.ts';
import { selectKey, type ConfigMapData } from '../core/select-key.ts';
import { splitLines, type ConfigText, type Input, type MissingText, type PlacedFindings } from './config-text.ts';
import { judgeAnnotations } from './judge-annotations.ts';

/** Whether a text has the head of a Kubernetes object: LeIndex has no key `kind` or `apiVersion`. */
export function looksLikeManifest(text: string): boolean {
  const isJson = text.trimStart().startsWith('{');
  const hasKey = (name: string) =>
    (isJson ? new RegExp(`"${name}"\\s*:`) : new RegExp(`^(["']?)${name}\\1[ \\t]*:`, 'm')).test(text);
  return hasKey('kind') && hasKey('apiVersion');
}

/** The config texts of all ConfigMaps of a manifest (documents, and items of a List); other objects are passed over. */
export function readManifest(file: string, text: string): Input[] {
  const lines = splitLines(text);
  const counter = new LineCounter();
  const documents = parseAllDocuments(text, {
    lineCounter: counter,
    uniqueKeys: false,
    logLevel: 'error',
    prettyErrors: false,
  });
  const placeAt = (offset = 0) => {
    const { line, col } = counter.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const refuse = (rule: string, message: string, offset?: number): MissingText => ({
    source: file,
    file,
    lines,
    violation: { path: '$', rule, message, ...placeAt(offset) },
  });
  if (!Array.isArray(documents)) return [refuse('manifest', 'the manifest has no document')];
  const broken = documents.flatMap(({ errors }) => errors)[0];
  if (broken) return [refuse('manifest', 'the manifest is not YAML here', broken.pos[0])];
  const maps = (documents as Document.Parsed[]).flatMap(({ contents }) => configMaps(contents));
  if (maps.length === 0) return [refuse('manifest', 'the manifest has no ConfigMap')];
  return maps.map((map) => {
    const name = ['namespace', 'name']
      .map((part) => map.getIn(['metadata', part]))
      .filter((part) => typeof part === 'string');
    const { values, offsets } = readAnnotations(map);
    const findings = judgeAnnotations(values, (one) => placeAt(offsets.get(one)));
    const annotations: PlacedFindings = { ...findings, file, lines };
    const selected = selectKey(readData(map), values[KEY_ANNOTATION]);
    const called = `ConfigMap ${printable(name.join('/'), 128)}`;
    if (!selected.found) {
      const missing = refuse('key-missing', selected.message, map.range?.[0]);
      return { ...missing, source: `${file} (${called})`, annotations };
    }
    const { key, content } = selected;
    const source = `${file} (${called}, key ${printable(key, 128)})`;
    const node = map.getIn(['data', key], true);
    return { ...placeText({ source, file, content, node, lines, counter }), annotations };
  });
}

function configMaps(node: Node | null): YAMLMap[] {
  if (!isMap(node)) return [];
  if (node.get('kind') === 'ConfigMap') return [node];
  const items = node.get('items');
  return typeof items === 'object' && items !== null && 'items' in items
    ? (items.items as Node[]).flatMap(configMaps)
    : [];
}

function readData(map: YAMLMap): ConfigMapData {
  const texts = (name: string) =>
    Object.fromEntries(readTexts(map.get(name)).map(({ name: key, text }) => [key, text]));
  return { data: texts('data'), binaryData: texts('binaryData') };
}

/** With the places of their values. */
function readAnnotations(map: YAMLMap): { values: Annotations; offsets: ReadonlyMap<string, number> } {
  const texts = readTexts(map.getIn(['metadata', 'annotations']));
  return {
    values: Object.fromEntries(texts.map(({ name, text }) => [name, text])),
    offsets: new Map(texts.map(({ name, offset }) => [name, offset])),
  };
}

/** The texts of a mapping; other values are passed over, as the API server takes none. */
function readTexts(node: unknown): { name: string; text: string; offset: number }[] {
  if (!isMap(node)) return [];
  return node.items.flatMap(({ key, value }) =>
    isScalar(key) && isScalar(value) && typeof value.value === 'string'
      ? [{ name: String(key.value), text: value.value, offset: value.range?.[0] ?? 0 }]
      : [],
  );
}

interface Placing {
  readonly source: string;
  readonly file: string;
  readonly content: Uint8Array;
  readonly node: unknown;
  readonly lines: readonly string[];
  readonly counter: LineCounter;
}

/** A `|` value keeps its lines in the manifest, so that a place in it is one in the file; other values are shown by themselves. */
function placeText({ source, file, content, node, lines, counter }: Placing): ConfigText {
  const valueLines = splitLines(new TextDecoder().decode(content));
  if (isScalar(node) && node.type === Scalar.BLOCK_LITERAL && node.range) {
    const before = counter.linePos(node.range[0]).line;
    const indents = valueLines.map((line, index) => {
      const inFile = lines[before + index] ?? '';
      return inFile.endsWith(line) ? inFile.length - line.length : line.trim() === '' ? 0 : undefined;
    });
    if (indents.every((indent) => indent !== undefined)) {
      const place: ConfigText['place'] = ({ line, column }) => ({
        line: before + line,
        column: (indents[line - 1] ?? 0) + column,
      });
      return { source, file, content, lines, place };
    }
  }
  return { source: `${source}; lines within the value`, file: source, content, lines: valueLines, place: (at) => at };
}
