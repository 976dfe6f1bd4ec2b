import type { ConfigNode, Finding, MappingNode, ScalarNode } from '../config-tree.ts';
import { isMergeKey, keyName } from '../effective-pairs.ts';
import type { RuleName } from '../rules.ts';
import { isName, showKey } from '../show-value.ts';
import { limits } from './limits.ts';

/** A longer path helps nobody. */
const MOST_PATH = 128;
const KEY_TYPE = 'a key cannot be a list or a mapping; a {{ placeholder }} of a template must be filled in first';
const UNREADABLE = 'this has the form of a date or a number, and there is no such date or number; put it in quotes';

/** What PyYAML's constructor would refuse in the tree, and duplicate keys, which it would take. Each node is looked at once. */
export function checkTree(root: ConfigNode): Finding[] {
  const check = new TreeCheck();
  check.visit(root, '');
  return check.findings;
}

class TreeCheck {
  readonly findings: Finding[] = [];
  private readonly visited = new Set<ConfigNode>();
  private readonly sizes = new Map<MappingNode, number>();

  visit(node: ConfigNode, path: string): void {
    if (node.kind === 'scalar') {
      this.checkScalar(node, path);
      return;
    }
    if (this.visited.has(node)) return;
    this.visited.add(node);
    if (node.kind === 'sequence') node.items.forEach((item, at) => this.visit(item, `${path}[${at}]`));
    else this.visitMapping(node, path);
  }

  private visitMapping(mapping: MappingNode, path: string): void {
    const names = new Set<string>();
    for (const [key, value] of mapping.pairs) {
      const below = joinPath(path, key);
      if (key.kind === 'scalar') this.checkKey(key, { path: below, names });
      else this.add('key-type', KEY_TYPE, { path, at: key.at });
      if (isMergeKey(key)) this.checkMerge(mapping, value, below);
      this.visit(value, below);
    }
  }

  private checkKey(key: ScalarNode, { path, names }: { path: string; names: Set<string> }): void {
    const { at, scalar, text } = key;
    if (scalar.type === 'unreadable') this.checkScalar(key, path);
    const name = keyName(key);
    if (names.has(name)) {
      const message = `${showKey(text)} is there twice, and LeIndex would take the last; keep one`;
      this.add('duplicate-key', message, { path, at });
    }
    names.add(name);
  }

  private checkMerge(mapping: MappingNode, value: ConfigNode, path: string): void {
    const sources = value.kind === 'sequence' ? value.items : [value];
    if (sources.some(({ kind }) => kind !== 'mapping')) {
      this.add('merge-value', '<< takes a mapping or a list of mappings', { path, at: value.at });
    }
    if (this.mergedSize(mapping) > limits.mergedPairs) {
      this.add('too-many-aliases', `merge keys would copy more than ${limits.mergedPairs} pairs`, {
        path,
        at: value.at,
      });
    }
  }

  /** How many pairs PyYAML would hold for this mapping: it copies merged pairs without looking for duplicates. */
  private mergedSize(mapping: MappingNode): number {
    const known = this.sizes.get(mapping);
    if (known !== undefined) return known;
    let size = 0;
    for (const [key, value] of mapping.pairs) {
      const sources = !isMergeKey(key) ? [] : value.kind === 'sequence' ? value.items : [value];
      size += isMergeKey(key) ? 0 : 1;
      for (const source of sources) if (source.kind === 'mapping') size += this.mergedSize(source);
    }
    this.sizes.set(mapping, size);
    return size;
  }

  private checkScalar({ scalar, at }: ScalarNode, path: string): void {
    if (scalar.type === 'unreadable') this.add('scalar-value', UNREADABLE, { path, at });
    else if (scalar.type === 'merge' || scalar.type === 'default') {
      this.add('scalar-value', 'YAML 1.1 has no value << or =; put it in quotes', { path, at });
    }
  }

  private add(rule: RuleName, message: string, { path, at }: { path: string; at: number }): void {
    this.findings.push({ path: path === '' || path.length > MOST_PATH ? '$' : path, rule, message, at });
  }
}

/** The path of a value; keys that may not be shown are `?`. */
function joinPath(path: string, key: ConfigNode): string {
  const name = key.kind === 'scalar' && isName(key.text) ? key.text : '?';
  return path === '' ? name : `${path}.${name}`;
}
