import { looksLikeManifest, readManifest } from './config-map-manifest.ts';
import { splitLines, type Input } from './config-text.ts';

/** The config texts in what a file holds: the file itself, or the ConfigMaps of a manifest. */
export function readConfigTexts(file: string, content: Uint8Array): Input[] {
  const text = new TextDecoder().decode(content);
  if (looksLikeManifest(text)) return readManifest(file, text);
  return [{ source: file, file, content, lines: splitLines(text), place: (at) => at }];
}
