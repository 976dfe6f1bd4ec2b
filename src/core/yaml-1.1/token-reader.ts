import type { Token } from './token.ts';
import { YamlRefusal } from './yaml-refusal.ts';

/** The tokens of a document, read one after another. The last is `stream-end`, and nothing reads past it. */
export class TokenReader {
  private readonly tokens: readonly Token[];
  private next = 0;

  constructor(tokens: readonly Token[]) {
    this.tokens = tokens;
  }

  /** Offset of the token read last. */
  get lastAt(): number {
    return this.tokens[this.next - 1]?.at ?? 0;
  }

  peek(): Token {
    const token = this.tokens[this.next];
    if (!token) throw new Error('read past the end of the tokens');
    return token;
  }

  take(): Token {
    const token = this.peek();
    this.next += 1;
    return token;
  }

  is(...types: Token['type'][]): boolean {
    return types.includes(this.peek().type);
  }

  /** Takes the next token where it is of this type. */
  accept(type: Token['type']): boolean {
    if (!this.is(type)) return false;
    this.next += 1;
    return true;
  }

  expect(type: Token['type'], otherwise: string): void {
    if (!this.accept(type)) this.refuse(otherwise);
  }

  refuse(message: string): never {
    throw new YamlRefusal('syntax', message, this.peek().at);
  }
}
