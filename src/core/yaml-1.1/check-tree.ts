import type { ConfigNode, Finding, MappingNode, ScalarNode } from '../config-tree.ts';
import { isMergeKey, keyName } from '../effective-pairs.ts';
import type { RuleName } from '../rules.ts';
import { showKey } from '../show-value.ts';
import { limits } from './limits.ts';

/** What PyYAML's constructor would refuse in the tree, and duplicate keys, which it would take. Each node is looked at once. */
export function checkTree(root: ConfigNode): Finding[] {
  const check = new TreeCheck();
  check.visit(root);
  return check.findings;
}

class TreeCheck {
  readonly findings: Finding[] = [];
  private readonly visited = new Set<ConfigNode>();
  private readonly sizes = new Map<MappingNode, number>();

  visit(node: ConfigNode): void {
    if (node.kind === 'scalar') {
      this.checkScalar(node);
      return;
    }
    if (this.visited.has(node)) return;
    this.visited.add(node);
    if (node.kind === 'sequence') node.items.forEach((item) => this.visit(item));
    else this.visitMapping(node);
  }

  private visitMapping(mapping: MappingNode): void {
    const names = new Set<string>();
    for (const [key, value] of mapping.pairs) {
      if (key.kind !== 'scalar') {
        this.add(
          'key-type',
          'a key cannot be a list or a mapping; a {{ placeholder }} of a template must be filled in first',
          key.at,
        );
      } else {
        if (key.scalar.type === 'unreadable') this.checkScalar(key);
        const name = keyName(key);
        if (names.has(name)) {
          this.add(
            'duplicate-key',
            `${showKey(key.text)} is there twice, and LeIndex would take the last; keep one`,
            key.at,
          );
        }
        names.add(name);
      }
      if (isMergeKey(key)) this.checkMerge(mapping, value);
      this.visit(value);
    }
  }

  private checkMerge(mapping: MappingNode, value: ConfigNode): void {
    const sources = value.kind === 'sequence' ? value.items : [value];
    if (sources.some(({ kind }) => kind !== 'mapping')) {
      this.add('merge-value', '<< takes a mapping or a list of mappings', value.at);
    }
    if (this.mergedSize(mapping) > limits.mergedPairs) {
      this.add('too-many-aliases', `merge keys would copy more than ${limits.mergedPairs} pairs`, value.at);
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

  private checkScalar({ scalar, at }: ScalarNode): void {
    if (scalar.type === 'unreadable') {
      this.add(
        'scalar-value',
        'this has the form of a date or a number, and there is no such date or number; put it in quotes',
        at,
      );
    } else if (scalar.type === 'merge' || scalar.type === 'default') {
      this.add('scalar-value', 'YAML 1.1 has no value << or =; put it in quotes', at);
    }
  }

  private add(rule: RuleName, message: string, at: number): void {
    this.findings.push({ path: '$', rule, message, at });
  }
}
