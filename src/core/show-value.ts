import { printable } from './printable.ts';

const MOST_CHARACTERS = 40;

/** The value of a schema field as one quoted, printable line: control and invisible characters escaped, cut after 40 characters. */
export function showValue(text: string): string {
  const size = text.length > MOST_CHARACTERS ? ` (${text.length} characters)` : '';
  return `"${printable(text.replace(/["\\]/g, '\\$&'), MOST_CHARACTERS)}"${size}`;
}

/** The name of a key that no schema knows, where it looks like a name; else only that it is a key (promise 10, secrecy). */
export function showKey(text: string): string {
  return isName(text) ? `"${text}"` : 'a key that is no plain name';
}

/** Whether a key looks like the name of a setting, and so may be shown: tokens that got there by mistake are longer, or full of digits. */
export function isName(text: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_.-]{0,39}$/.test(text) && (text.match(/[0-9]/g) ?? []).length <= 2;
}
