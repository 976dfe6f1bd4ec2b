import { isAlias, isMap, isScalar, isSeq, parseDocument, Scalar, type Node } from 'yaml';
import type { ConfigNode, Finding } from './config-tree.ts';
import { resolvePlainScalar } from './resolve-scalar.ts';

export type YamlRead = { readonly root: ConfigNode | undefined; readonly findings: readonly Finding[] };

/** Step one: the `yaml` package's tree, with scalars resolved as PyYAML does. */
export function readYaml(text: string): YamlRead {
  const document = parseDocument(text, {
    version: '1.2',
    schema: 'failsafe',
    strict: true,
    uniqueKeys: false,
    prettyErrors: false,
    merge: false,
    resolveKnownTags: false,
    logLevel: 'error',
  });
  const findings: Finding[] = [...document.errors, ...document.warnings].map(({ pos }) => ({
    path: '$',
    rule: 'syntax',
    message: 'the text is not YAML 1.1 here',
    at: pos[0],
  }));
  if (findings.length > 0 || !document.contents) return { root: undefined, findings };
  const refuse = (rule: Finding['rule'], message: string, at: number) => {
    findings.push({ path: '$', rule, message, at });
    return undefined;
  };
  const convert = (node: Node | null, after: number): ConfigNode | undefined => {
    if (node === null) return { kind: 'scalar', at: after, text: '', isPlain: true, scalar: { type: 'null' } };
    const at = node.range?.[0] ?? after;
    if (isAlias(node)) return refuse('undefined-alias', 'aliases are not read', at);
    if (node.tag) return refuse('tag', 'explicit tags are not read', at);
    if (isScalar(node)) {
      const isPlain = node.type === Scalar.PLAIN;
      const written = typeof node.value === 'string' ? node.value : '';
      const scalar = isPlain ? resolvePlainScalar(written) : ({ type: 'string', value: written } as const);
      if (!scalar) return refuse('scalar-value', 'a date or number that cannot be read', at);
      return { kind: 'scalar', at, text: written, isPlain, scalar };
    }
    if (isSeq(node)) {
      return { kind: 'sequence', at, items: node.items.flatMap((item) => convert(item as Node, at) ?? []) };
    }
    if (isMap(node)) {
      const names = new Set<string>();
      return {
        kind: 'mapping',
        at,
        pairs: node.items.flatMap((pair) => {
          const key = convert(pair.key as Node | null, at);
          const value = convert(pair.value as Node | null, key?.at ?? at);
          if (!key || !value) return [];
          const name = key.kind === 'scalar' ? key.text : '';
          if (names.has(name)) refuse('duplicate-key', 'a key is there twice', key.at);
          names.add(name);
          return [[key, value] as const];
        }),
      };
    }
    return undefined;
  };
  return { root: convert(document.contents, 0), findings };
}
