import type { ConfigNode, Finding } from '../config-tree.ts';
import { checkCharacters } from './check-characters.ts';
import { checkTree } from './check-tree.ts';
import { parseTokens } from './parser.ts';
import { scanTokens } from './scanner.ts';
import { YamlRefusal } from './yaml-refusal.ts';

export interface YamlRead {
  /** Undefined where the text holds no document, or cannot be read to its end. */
  readonly root: ConfigNode | undefined;
  readonly findings: readonly Finding[];
}

/**
 * The one document of a text, read as PyYAML's `safe_load` reads it: what is refused there is refused here, and what is read
 * here has the same structure and values there. Line ends are LF. Linear in the length of the text. Never throws.
 */
export function readYaml(text: string): YamlRead {
  const characters = checkCharacters(text);
  if (characters.length > 0) return { root: undefined, findings: characters };
  try {
    const root = parseTokens(scanTokens(text));
    return { root, findings: root ? checkTree(root) : [] };
  } catch (error) {
    if (!(error instanceof YamlRefusal)) throw error;
    return { root: undefined, findings: [{ path: '$', rule: error.rule, message: error.message, at: error.at }] };
  }
}
