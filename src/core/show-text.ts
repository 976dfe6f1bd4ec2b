/** A text from a config file as one printable line: control and invisible characters escaped, cut after `most` characters. */
export function showText(text: string, most = 40): string {
  const escaped = JSON.stringify(text.length > most ? text.slice(0, most) : text).replace(
    // What JSON leaves as it is and a terminal or a log would not: C1 controls, separators, bidi and zero-width characters, surrogates.
    /[\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return text.length > most ? `${escaped.slice(0, -1)}…" (${text.length} characters)` : escaped;
}

/** The name of a key that no schema knows, where it looks like a name; else only that it is a key (promise 10, secrecy). */
export function showKey(text: string): string {
  return /^[A-Za-z_][A-Za-z0-9_.-]{0,63}$/.test(text) ? `"${text}"` : 'a key that is no plain name';
}
