/** A text as lines of at most `width` characters, broken at spaces where there are any, all indented. Without `width`: one line. */
export function wrapText(
  text: string,
  { width, indent }: { readonly width: number | undefined; readonly indent: number },
): string[] {
  const margin = ' '.repeat(indent);
  const room = width === undefined ? text.length : Math.max(10, width - indent);
  const lines: string[] = [];
  let rest = text;
  while (rest.length > room) {
    const space = rest.lastIndexOf(' ', room);
    const end = space > 0 ? space : room;
    lines.push(margin + rest.slice(0, end));
    rest = rest.slice(space > 0 ? end + 1 : end);
  }
  return [...lines, margin + rest];
}
