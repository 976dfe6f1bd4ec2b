import type { Finding } from '../config-tree.ts';
import type { RuleName } from '../rules.ts';

const MOST_FINDINGS = 10;

/** What PyYAML's reader refuses: C0 and C1 controls but tab, LF and NEL, lone surrogates, U+FFFE and U+FFFF. */
const CONTROL =
  /[\0-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** What a person cannot see: zero-width and direction-changing characters, a byte order mark in mid-text, Unicode line ends. */
const INVISIBLE =
  /[\x85\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|\udb40[\udc00-\udc7f]/g;

/** The characters of the text that no configuration needs, the first ten of each kind. Linear. */
export function checkCharacters(text: string): Finding[] {
  return [
    ...find(text, CONTROL, 'control-character', 'a control character, which YAML does not allow'),
    ...find(
      text,
      INVISIBLE,
      'invisible-character',
      'an invisible character; remove it, or write it as an escape in double quotes',
    ),
  ];
}

function find(text: string, characters: RegExp, rule: RuleName, what: string): Finding[] {
  const findings: Finding[] = [];
  for (const { 0: character, index } of text.matchAll(characters)) {
    const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
    findings.push({ path: '$', rule, message: `U+${code} is ${what}`, at: index });
    if (findings.length === MOST_FINDINGS) break;
  }
  return findings;
}
