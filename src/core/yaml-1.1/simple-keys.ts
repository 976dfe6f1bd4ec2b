import type { Cursor } from './cursor.ts';
import { limits } from './limits.ts';

/** A place where a key without `?` may have begun: one line, at most 1024 characters, and only known as a key once its `:` comes. */
export interface SimpleKey {
  /** Index of its first token. */
  readonly token: number;
  /** Whether only a key can stand there: at the indentation of a block mapping. */
  readonly isRequired: boolean;
  readonly at: number;
  readonly line: number;
  readonly column: number;
}

/** The possible simple keys, at most one a flow level. */
export class SimpleKeys {
  private readonly cursor: Cursor;
  private readonly byLevel = new Map<number, SimpleKey>();

  constructor(cursor: Cursor) {
    this.cursor = cursor;
  }

  save(level: number, key: SimpleKey): void {
    this.drop(level);
    this.byLevel.set(level, key);
  }

  /** Takes the key that a `:` at this level completes. */
  take(level: number): SimpleKey | undefined {
    const key = this.byLevel.get(level);
    this.byLevel.delete(level);
    return key;
  }

  /** Forgets a possible key that turned out to be none; a required one is an error. */
  drop(level: number): void {
    const key = this.take(level);
    if (key?.isRequired) this.refuse(key);
  }

  /** Forgets what began on an earlier line or too far back. */
  dropStale(): void {
    for (const [level, key] of this.byLevel) {
      if (key.line === this.cursor.line && !this.isTooLong(key)) continue;
      if (key.isRequired) this.refuse(key);
      this.byLevel.delete(level);
    }
  }

  private isTooLong(key: SimpleKey): boolean {
    const units = this.cursor.at - key.at;
    if (units <= limits.simpleKeyCharacters) return false;
    if (units > 2 * limits.simpleKeyCharacters) return true;
    return Array.from(this.cursor.text.slice(key.at, this.cursor.at)).length > limits.simpleKeyCharacters;
  }

  private refuse(key: SimpleKey): never {
    return this.cursor.refuse('this line has no ": " after its key, and only "key: value" fits here', key.at);
  }
}
