import { YamlRefusal } from './yaml-refusal.ts';

/** A place in a text whose only line breaks are LF. Offsets and columns count UTF-16 code units from 0. */
export class Cursor {
  readonly text: string;
  at = 0;
  line = 0;
  private lineStart = 0;

  constructor(text: string) {
    this.text = text;
  }

  get column(): number {
    return this.at - this.lineStart;
  }

  /** The character so many places ahead; '' at and after the end. */
  peek(ahead = 0): string {
    return this.text[this.at + ahead] ?? '';
  }

  /** Moves on within the line. */
  skip(count = 1): void {
    this.at += count;
  }

  /** Moves over a line break, where there is one. */
  skipBreak(): boolean {
    if (this.peek() !== '\n') return false;
    this.at += 1;
    this.line += 1;
    this.lineStart = this.at;
    return true;
  }

  /** Moves over the characters that a sticky expression matches, and returns them. They hold no line break. */
  take(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const taken = pattern.exec(this.text)?.[0] ?? '';
    this.at += taken.length;
    return taken;
  }

  /** Moves over spaces up to a column. */
  skipSpacesTo(column: number): void {
    while (this.column < column && this.peek() === ' ') this.at += 1;
  }

  /** Moves over spaces and a comment, which PyYAML lets begin right after a token. */
  skipSpacesAndComment(): void {
    this.take(/ */y);
    if (this.peek() === '#') this.take(/[^\n]*/y);
  }

  /** Whether `---` or `...` stands here at the start of a line, as a word of its own. */
  isAtDocumentMarker(): boolean {
    if (this.column !== 0) return false;
    const word = this.text.slice(this.at, this.at + 3);
    return (word === '---' || word === '...') && isBlank(this.peek(3));
  }

  refuse(message: string, at: number = this.at): never {
    throw new YamlRefusal('syntax', message, at);
  }
}

/** Space, tab, line break or the end. */
export function isBlank(character: string): boolean {
  return character === '' || character === ' ' || character === '\t' || character === '\n';
}
