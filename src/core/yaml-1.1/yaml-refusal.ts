import type { RuleName } from '../rules.ts';

/** Why a text cannot be read any further. The message never quotes the text. */
export class YamlRefusal extends Error {
  readonly rule: RuleName;
  /** Offset into the text, in UTF-16 code units. */
  readonly at: number;

  constructor(rule: RuleName, message: string, at: number) {
    super(message);
    this.name = 'YamlRefusal';
    this.rule = rule;
    this.at = at;
  }
}
