import type { ConfigNode, MappingNode, ScalarNode, ScalarValue, SequenceNode } from '../config-tree.ts';
import { resolvePlainScalar } from './resolve-scalar.ts';
import { limits } from './limits.ts';
import { TokenReader } from './token-reader.ts';
import type { Token } from './token.ts';
import { YamlRefusal } from './yaml-refusal.ts';

/** Of a value that YAML 1.1 gives a type and Python cannot read: kept, so that the check of the tree names it. */
const UNREADABLE: ScalarValue = { type: 'unreadable' };

/**
 * The tree of the one document that the tokens hold; undefined where they hold none.
 * @throws YamlRefusal where PyYAML finds an error, and at a bound.
 */
export function parseTokens(tokens: readonly Token[]): ConfigNode | undefined {
  return new Parser(tokens).parseStream();
}

class Parser {
  private readonly tokens: TokenReader;
  private nodes = 0;
  private aliases = 0;
  /** By name; undefined while the anchored node is still being read. */
  private readonly anchors = new Map<string, ConfigNode | undefined>();

  constructor(tokens: readonly Token[]) {
    this.tokens = new TokenReader(tokens);
  }

  parseStream(): ConfigNode | undefined {
    if (this.tokens.is('stream-end')) return undefined;
    const isExplicit = this.tokens.accept('document-start');
    const isEmpty = isExplicit && this.tokens.is('document-start', 'document-end', 'stream-end');
    const root = isEmpty ? this.emptyScalar() : this.parseNode({ isBlock: true, depth: 0 });
    while (this.tokens.accept('document-end'));
    if (this.tokens.is('stream-end')) return root;
    const { at } = this.tokens.peek();
    if (this.tokens.is('document-start'))
      throw new YamlRefusal('multiple-documents', 'a second document begins here; LeIndex reads one', at);
    return this.tokens.refuse('this does not belong to the document; check its indentation');
  }

  private parseNode(place: { isBlock: boolean; isIndentless?: boolean; depth: number }): ConfigNode {
    const token = this.tokens.peek();
    if (token.type === 'alias') return this.parseAlias(token);
    if (token.type !== 'anchor')
      return this.parseContent(place) ?? this.tokens.refuse('a value is missing here, or this one is misplaced');
    this.tokens.take();
    if (this.anchors.has(token.name)) throw new YamlRefusal('syntax', 'this anchor (&) is there twice', token.at);
    this.anchors.set(token.name, undefined);
    const node = this.parseContent(place) ?? this.emptyScalar();
    this.anchors.set(token.name, node);
    return node;
  }

  private parseAlias(token: Token & { type: 'alias' | 'anchor' }): ConfigNode {
    this.tokens.take();
    this.aliases += 1;
    if (this.aliases > limits.aliases) {
      throw new YamlRefusal('too-many-aliases', `the text has more than ${limits.aliases} aliases (*)`, token.at);
    }
    if (!this.anchors.has(token.name)) {
      throw new YamlRefusal(
        'undefined-alias',
        'no anchor (&) of this name comes before this alias (*); put other values in quotes',
        token.at,
      );
    }
    const node = this.anchors.get(token.name);
    if (!node) throw new YamlRefusal('recursive-alias', 'this alias (*) stands inside of its own value', token.at);
    return node;
  }

  private parseContent({
    isBlock,
    isIndentless = false,
    depth,
  }: {
    isBlock: boolean;
    isIndentless?: boolean;
    depth: number;
  }): ConfigNode | undefined {
    const token = this.tokens.peek();
    if (token.type === 'scalar') {
      this.tokens.take();
      return this.scalar(token);
    }
    const isCollection = token.type.endsWith('-start') && token.type !== 'document-start';
    if ((isCollection || token.type === 'block-entry') && depth >= limits.depth) {
      throw new YamlRefusal('too-deep', `values are nested more than ${limits.depth} deep`, token.at);
    }
    if (isIndentless && token.type === 'block-entry') return this.parseBlockSequence(token.at, depth);
    if (token.type === 'flow-sequence-start') return this.parseFlowSequence(depth);
    if (token.type === 'flow-mapping-start') return this.parseFlowMapping(depth);
    if (!isBlock) return undefined;
    if (token.type === 'block-mapping-start') return this.parseBlockMapping(depth);
    if (token.type !== 'block-sequence-start') return undefined;
    this.tokens.take();
    const sequence = this.parseBlockSequence(token.at, depth);
    this.tokens.expect('block-end', 'this line does not fit the list above it; check its indentation');
    return sequence;
  }

  private parseBlockSequence(at: number, depth: number): SequenceNode {
    const items: ConfigNode[] = [];
    const ends: ReadonlySet<Token['type']> = new Set(['block-entry', 'key', 'value', 'block-end']);
    while (this.tokens.accept('block-entry')) items.push(this.parseUnless(ends, { isBlock: true, depth: depth + 1 }));
    return this.count({ kind: 'sequence', at, items });
  }

  private parseBlockMapping(depth: number): MappingNode {
    const { at } = this.tokens.take();
    const pairs: [ConfigNode, ConfigNode][] = [];
    const ends: ReadonlySet<Token['type']> = new Set(['key', 'value', 'block-end']);
    const place = { isBlock: true, isIndentless: true, depth: depth + 1 };
    while (this.tokens.accept('key')) {
      const key = this.parseUnless(ends, place);
      pairs.push([key, this.tokens.accept('value') ? this.parseUnless(ends, place) : this.emptyScalar()]);
    }
    this.tokens.expect('block-end', 'this line does not fit the mapping above it; check its indentation and the ": "');
    return this.count({ kind: 'mapping', at, pairs });
  }

  private parseFlowSequence(depth: number): SequenceNode {
    const { at } = this.tokens.take();
    const items: ConfigNode[] = [];
    for (let isFirst = true; !this.tokens.is('flow-sequence-end'); isFirst = false) {
      if (!isFirst) this.tokens.expect('flow-entry', 'a comma or ] is missing before this');
      if (this.tokens.is('key')) {
        const pair = this.parseFlowPair('flow-sequence-end', depth + 1);
        items.push(this.count({ kind: 'mapping', at: pair[0].at, pairs: [pair] }));
      } else if (!this.tokens.is('flow-sequence-end')) items.push(this.parseNode({ isBlock: false, depth: depth + 1 }));
      else break;
    }
    this.tokens.take();
    return this.count({ kind: 'sequence', at, items });
  }

  private parseFlowMapping(depth: number): MappingNode {
    const { at } = this.tokens.take();
    const pairs: [ConfigNode, ConfigNode][] = [];
    for (let isFirst = true; !this.tokens.is('flow-mapping-end'); isFirst = false) {
      if (!isFirst) this.tokens.expect('flow-entry', 'a comma or } is missing before this');
      if (this.tokens.is('key')) pairs.push(this.parseFlowPair('flow-mapping-end', depth + 1));
      else if (!this.tokens.is('flow-mapping-end'))
        pairs.push([this.parseNode({ isBlock: false, depth: depth + 1 }), this.emptyScalar()]);
      else break;
    }
    this.tokens.take();
    return this.count({ kind: 'mapping', at, pairs });
  }

  private parseFlowPair(end: 'flow-sequence-end' | 'flow-mapping-end', depth: number): [ConfigNode, ConfigNode] {
    this.tokens.take();
    const place = { isBlock: false, depth };
    const key = this.parseUnless(new Set(['value', 'flow-entry', end]), place);
    return [
      key,
      this.tokens.accept('value') ? this.parseUnless(new Set(['flow-entry', end]), place) : this.emptyScalar(),
    ];
  }

  private parseUnless(
    ends: ReadonlySet<Token['type']>,
    place: { isBlock: boolean; isIndentless?: boolean; depth: number },
  ): ConfigNode {
    return ends.has(this.tokens.peek().type) ? this.emptyScalar() : this.parseNode(place);
  }

  private scalar({ at, text, isPlain }: Token & { type: 'scalar' }): ScalarNode {
    const scalar: ScalarValue = isPlain ? (resolvePlainScalar(text) ?? UNREADABLE) : { type: 'string', value: text };
    return this.count({ kind: 'scalar', at, text, isPlain, scalar });
  }

  private emptyScalar(): ScalarNode {
    const at = this.tokens.lastAt;
    return this.count({ kind: 'scalar', at, text: '', isPlain: true, scalar: { type: 'null' } });
  }

  private count<Node extends ConfigNode>(node: Node): Node {
    this.nodes += 1;
    if (this.nodes > limits.nodes) {
      throw new YamlRefusal('too-many-nodes', `the text has more than ${limits.nodes} keys and values`, node.at);
    }
    return node;
  }
}
