import { isMap, isScalar, LineCounter, parseAllDocuments, Scalar, type Document, type Node, type YAMLMap } from 'yaml';
import { printable } from '../core/printable.ts';
import { selectKey, type ConfigMapData } from '../core/select-key.ts';
import { splitLines, type ConfigText, type Input, type MissingText } from './config-text.ts';

const KEY_ANNOTATION = 'reload.leindex.io/key';

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
  const refuse = (rule: string, message: string, offset = 0): MissingText => {
    const { line, col } = counter.linePos(offset);
    return {
      source: file,
      file,
      lines,
      violation: { path: '$', rule, message, line: Math.max(1, line), column: Math.max(1, col) },
    };
  };
  if (!Array.isArray(documents)) return [refuse('manifest', 'the manifest has no document')];
  const broken = documents.flatMap(({ errors }) => errors)[0];
  if (broken) return [refuse('manifest', 'the manifest is not YAML here', broken.pos[0])];
  const maps = (documents as Document.Parsed[]).flatMap(({ contents }) => configMaps(contents));
  if (maps.length === 0) return [refuse('manifest', 'the manifest has no ConfigMap')];
  return maps.map((map) => {
    const name = ['namespace', 'name']
      .map((part) => map.getIn(['metadata', part]))
      .filter((part) => typeof part === 'string');
    const wanted = map.getIn(['metadata', 'annotations', KEY_ANNOTATION]);
    const selected = selectKey(readData(map), typeof wanted === 'string' ? wanted : undefined);
    const called = `ConfigMap ${printable(name.join('/'), 128)}`;
    if (!selected.found) {
      const missing = refuse('key-missing', selected.message, map.range?.[0]);
      return { ...missing, source: `${file} (${called})` };
    }
    const { key, content } = selected;
    const source = `${file} (${called}, key ${printable(key, 128)})`;
    return placeText({ source, file, content, node: map.getIn(['data', key], true), lines, counter });
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
  const texts = (name: string): Record<string, string> => {
    const node = map.get(name);
    if (!isMap(node)) return {};
    const pairs = node.items.flatMap(({ key, value }) =>
      isScalar(key) && isScalar(value) && typeof value.value === 'string'
        ? [[String(key.value), value.value] as const]
        : [],
    );
    return Object.fromEntries(pairs);
  };
  return { data: texts('data'), binaryData: texts('binaryData') };
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
