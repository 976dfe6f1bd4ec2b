import { BlockIndents } from './block-indents.ts';
import { Cursor, isBlank } from './cursor.ts';
import { limits } from './limits.ts';
import { scanBlockScalar } from './scan-block-scalar.ts';
import { scanPlain } from './scan-plain.ts';
import { scanQuoted } from './scan-quoted.ts';
import { SimpleKeys } from './simple-keys.ts';
import type { SimpleTokenType, Token } from './token.ts';
import { YamlRefusal } from './yaml-refusal.ts';

/**
 * The tokens of a text, as PyYAML 6 scans it. Its lines end in LF; it has no control characters.
 * @throws YamlRefusal where PyYAML finds an error, and at tags and directives.
 */
export function scanTokens(text: string): Token[] {
  const scanner = new Scanner(text);
  while (scanner.scanNext());
  return scanner.tokens;
}

class Scanner {
  readonly tokens: Token[] = [];
  private readonly cursor: Cursor;
  private readonly keys: SimpleKeys;
  private flowLevel = 0;
  private readonly indents = new BlockIndents();
  /** Whether a simple key, or a block collection, may begin here. */
  private isKeyAllowed = true;

  constructor(text: string) {
    this.cursor = new Cursor(text);
    this.keys = new SimpleKeys(this.cursor);
  }

  /** Adds the next token, and what the indentation before it implies; false after the last. */
  scanNext(): boolean {
    this.skipToToken();
    this.keys.dropStale();
    if (this.flowLevel === 0) this.closeBlocks(this.cursor.column);
    const { cursor } = this;
    const next = cursor.peek();
    if (next === '') return this.endStream();
    if (cursor.column === 0 && next === '%') this.refuseDirective();
    if (cursor.isAtDocumentMarker()) return this.addDocumentMarker(next === '-' ? 'document-start' : 'document-end');
    const isIndicator = this.flowLevel > 0 || isBlank(cursor.peek(1));
    if (next === '-' && isBlank(cursor.peek(1))) return this.addBlockEntry();
    if (next === '?' && isIndicator) return this.addKey();
    if (next === ':' && isIndicator) return this.addValue();
    switch (next) {
      case '[':
        return this.openFlow('flow-sequence-start');
      case '{':
        return this.openFlow('flow-mapping-start');
      case ']':
        return this.closeFlow('flow-sequence-end');
      case '}':
        return this.closeFlow('flow-mapping-end');
      case ',':
        return this.addFlowEntry();
      case '*':
        return this.addName('alias');
      case '&':
        return this.addName('anchor');
      case '!':
        throw new YamlRefusal('tag', 'explicit tags (!) are not read; write the value without one', cursor.at);
      case "'":
      case '"':
        return this.addScalar(() => scanQuoted(cursor));
      case '|':
      case '>':
        if (this.flowLevel === 0) return this.addBlockScalar();
        return cursor.refuse('a block value cannot stand inside brackets');
      case '\t':
        return cursor.refuse('a tab cannot stand between values or before them; write spaces');
      case '#':
      case '%':
      case '@':
      case '`':
        return cursor.refuse('a value cannot begin with this character; put it in quotes');
      default:
        return this.addPlain();
    }
  }

  private skipToToken(): void {
    for (;;) {
      this.cursor.skipSpacesAndComment();
      if (!this.cursor.skipBreak()) return;
      if (this.flowLevel === 0) this.isKeyAllowed = true;
    }
  }

  private refuseDirective(): never {
    throw new YamlRefusal('directive', '% directives are not read; remove the line', this.cursor.at);
  }

  private endStream(): false {
    this.closeBlocks(-1);
    this.keys.drop(this.flowLevel);
    this.push('stream-end');
    return false;
  }

  private addDocumentMarker(type: 'document-start' | 'document-end'): true {
    this.closeBlocks(-1);
    this.keys.drop(this.flowLevel);
    this.isKeyAllowed = false;
    return this.addIndicator(type, 3);
  }

  private addBlockEntry(): true {
    if (this.flowLevel === 0) {
      if (!this.isKeyAllowed) this.cursor.refuse('a list entry cannot begin here');
      this.openBlock('block-sequence-start');
    }
    this.isKeyAllowed = true;
    this.keys.drop(this.flowLevel);
    return this.addIndicator('block-entry');
  }

  private addKey(): true {
    if (this.flowLevel === 0) {
      if (!this.isKeyAllowed) this.cursor.refuse('a key cannot begin here');
      this.openBlock('block-mapping-start');
    }
    this.isKeyAllowed = this.flowLevel === 0;
    this.keys.drop(this.flowLevel);
    return this.addIndicator('key');
  }

  private addValue(): true {
    const key = this.keys.take(this.flowLevel);
    if (key) {
      const opens = this.flowLevel === 0 && this.indents.open(key.column);
      const start: Token[] = opens ? [{ type: 'block-mapping-start', at: key.at }] : [];
      this.tokens.splice(key.token, 0, ...start, { type: 'key', at: key.at });
      this.isKeyAllowed = false;
    } else {
      if (this.flowLevel === 0) {
        if (!this.isKeyAllowed) this.cursor.refuse('a second ": " cannot stand here; put the value in quotes');
        this.openBlock('block-mapping-start');
      }
      this.isKeyAllowed = this.flowLevel === 0;
    }
    return this.addIndicator('value');
  }

  private openFlow(type: 'flow-sequence-start' | 'flow-mapping-start'): true {
    this.saveKey();
    this.flowLevel += 1;
    if (this.flowLevel > limits.depth) {
      throw new YamlRefusal('too-deep', `values are nested more than ${limits.depth} deep`, this.cursor.at);
    }
    this.isKeyAllowed = true;
    return this.addIndicator(type);
  }

  private closeFlow(type: 'flow-sequence-end' | 'flow-mapping-end'): true {
    if (this.flowLevel === 0) this.cursor.refuse('this bracket closes nothing');
    this.keys.drop(this.flowLevel);
    this.flowLevel -= 1;
    this.isKeyAllowed = false;
    return this.addIndicator(type);
  }

  private addFlowEntry(): true {
    this.isKeyAllowed = true;
    this.keys.drop(this.flowLevel);
    return this.addIndicator('flow-entry');
  }

  private addName(type: 'alias' | 'anchor'): true {
    this.saveKey();
    this.isKeyAllowed = false;
    const { at } = this.cursor;
    this.cursor.skip();
    const name = this.cursor.take(/[0-9A-Za-z_-]+/y);
    const next = this.cursor.peek();
    if (name === '' || !(isBlank(next) || '?:,]}%@`'.includes(next))) {
      this.cursor.refuse('after & and * comes a name of letters, digits, _ and -; put other values in quotes');
    }
    this.tokens.push({ type, at, name });
    return true;
  }

  private addScalar(scan: () => string): true {
    this.saveKey();
    this.isKeyAllowed = false;
    const { at } = this.cursor;
    this.tokens.push({ type: 'scalar', at, text: scan(), isPlain: false });
    return true;
  }

  private addBlockScalar(): true {
    this.isKeyAllowed = true;
    this.keys.drop(this.flowLevel);
    const { at } = this.cursor;
    this.tokens.push({ type: 'scalar', at, text: scanBlockScalar(this.cursor, this.indents.current), isPlain: false });
    return true;
  }

  private addPlain(): true {
    this.saveKey();
    const { at } = this.cursor;
    const { text, crossedLine } = scanPlain(this.cursor, {
      indent: this.indents.current + 1,
      isFlow: this.flowLevel > 0,
    });
    this.isKeyAllowed = crossedLine;
    this.tokens.push({ type: 'scalar', at, text, isPlain: true });
    return true;
  }

  /** Notes that a simple key may begin here. */
  private saveKey(): void {
    const { at, line, column } = this.cursor;
    const isRequired = this.flowLevel === 0 && this.indents.current === column;
    if (this.isKeyAllowed) this.keys.save(this.flowLevel, { token: this.tokens.length, isRequired, at, line, column });
  }

  private closeBlocks(column: number): void {
    while (this.indents.closeBeyond(column)) this.push('block-end');
  }

  private openBlock(type: 'block-sequence-start' | 'block-mapping-start'): void {
    if (this.indents.open(this.cursor.column)) this.push(type);
  }

  private addIndicator(type: SimpleTokenType, length = 1): true {
    this.push(type);
    this.cursor.skip(length);
    return true;
  }

  private push(type: SimpleTokenType): void {
    this.tokens.push({ type, at: this.cursor.at });
  }
}
