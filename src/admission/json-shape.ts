/** An object of the API server nests about ten levels deep; JSON.parse takes memory outside of V8's heap for every level. */
const MOST_DEPTH = 64;
/** More than two ConfigMaps of all the keys that fit into 1 MiB have, with their managedFields. */
const MOST_VALUES = 100_000;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPENING = [0x5b, 0x7b];
const CLOSING = [0x5d, 0x7d];

/** Whether this, where it is JSON, nests so little and holds so few values that parsing it takes little more memory than its bytes. */
export function hasModestShape(json: Uint8Array): boolean {
  let depth = 0;
  let values = 0;
  for (let at = 0; at < json.length; at++) {
    const byte = json[at] ?? 0;
    if (byte === QUOTE) at = endOfString(json, at);
    else if (CLOSING.includes(byte)) depth--;
    else if (byte === COMMA) values++;
    else if (OPENING.includes(byte)) {
      values++;
      depth++;
    }
    if (depth > MOST_DEPTH || values > MOST_VALUES) return false;
  }
  return true;
}

/** Where the string that begins at `start` has its closing quote, or the end of all. */
function endOfString(json: Uint8Array, start: number): number {
  let at = start + 1;
  while (at < json.length && json[at] !== QUOTE) at += json[at] === BACKSLASH ? 2 : 1;
  return at;
}
