import { printable } from './printable.ts';

/** The two maps of a ConfigMap; binaryData is base64. */
export interface ConfigMapData {
  readonly data?: Readonly<Record<string, string>> | undefined;
  readonly binaryData?: Readonly<Record<string, string>> | undefined;
}

export type SelectedKey =
  | { readonly found: true; readonly key: string; readonly content: Uint8Array }
  | { readonly found: false; readonly message: string };

const DEFAULT_KEY = 'mcp_config.yaml';

/** The key that holds the config: the one asked for; else the only key; else the only *.yaml, *.yml or *.json; else mcp_config.yaml. */
export function selectKey(source: ConfigMapData, wanted: string | undefined): SelectedKey {
  const keys = [...Object.keys(source.data ?? {}), ...Object.keys(source.binaryData ?? {})];
  const files = keys.filter((key) => /\.(ya?ml|json)$/.test(key));
  const key = wanted ?? only(keys) ?? only(files) ?? DEFAULT_KEY;
  const text = own(source.data, key);
  if (text !== undefined) return { found: true, key, content: Buffer.from(text, 'utf8') };
  const base64 = own(source.binaryData, key);
  if (base64 !== undefined) return { found: true, key, content: Buffer.from(base64, 'base64') };
  return { found: false, message: keyMissing(keys, key, wanted === undefined) };
}

function keyMissing(keys: readonly string[], key: string, isDefault: boolean): string {
  if (keys.length === 0) return `the ConfigMap has no data; it needs the key ${key} with a LeIndex configuration`;
  const listed = keys
    .slice(0, 5)
    .map((one) => printable(one, 64))
    .join(', ');
  const all = keys.length > 5 ? `${listed} and ${keys.length - 5} more` : listed;
  const cure = isDefault
    ? 'name one with the annotation reload.leindex.io/key'
    : 'correct the annotation reload.leindex.io/key';
  return `there is no key ${printable(key, 253)}; the ConfigMap has ${all}: ${cure}`;
}

const only = (words: readonly string[]) => (words.length === 1 ? words[0] : undefined);
const own = (map: Readonly<Record<string, string>> | undefined, key: string) =>
  map && Object.hasOwn(map, key) ? map[key] : undefined;
