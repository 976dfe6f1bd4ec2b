/** A text that is to stand in a cell of a Markdown table. */
export function escapeCell(text: string): string {
  return text.replaceAll('|', '\\|');
}
