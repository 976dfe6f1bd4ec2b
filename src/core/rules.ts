/**
 * Every rule a text can break, by the name that violations carry.
 * `leindex`: LeIndex refuses such a text as well. `stricter`: LeIndex takes it, and it is surely a mistake or a danger;
 * docs/validation.md explains each of these. `warning`: the text is accepted and the person told.
 */
export const rules = {
  'too-large': { kind: 'stricter', means: 'the text is larger than the limit' },
  'too-deep': { kind: 'stricter', means: 'values are nested more than 32 deep' },
  'too-many-nodes': { kind: 'stricter', means: 'the text has more than 5,000 keys and values' },
  'too-costly': { kind: 'stricter', means: 'reading the text took longer than the deadline' },
  'invalid-utf8': { kind: 'leindex', means: 'the bytes are not UTF-8' },
  'nul-byte': { kind: 'leindex', means: 'the text has a NUL byte' },
  'control-character': { kind: 'leindex', means: 'the text has a character that YAML does not allow' },
  'invisible-character': { kind: 'stricter', means: 'the text has an invisible or direction-changing character' },
  empty: { kind: 'stricter', means: 'the text has no configuration; LeIndex would run on defaults' },
  'not-a-mapping': { kind: 'leindex', means: 'the document is not a mapping of keys to values' },
  syntax: { kind: 'leindex', means: 'the text is not YAML 1.1' },
  'multiple-documents': { kind: 'leindex', means: 'the text has more than one document' },
  directive: { kind: 'stricter', means: 'the text has a % directive' },
  tag: { kind: 'stricter', means: 'a value has an explicit tag' },
  'undefined-alias': { kind: 'leindex', means: 'an alias names an anchor that is not there' },
  'recursive-alias': { kind: 'stricter', means: 'a value contains itself' },
  'too-many-aliases': { kind: 'stricter', means: 'the text has more than 100 aliases' },
  'merge-value': { kind: 'leindex', means: 'a merge key takes a mapping or a list of mappings' },
  'scalar-value': {
    kind: 'leindex',
    means: 'a date or number that cannot be read, or a merge or value sign as a value',
  },
  'key-type': { kind: 'leindex', means: 'a key is a list or a mapping' },
  'duplicate-key': { kind: 'stricter', means: 'a key is there twice; LeIndex would take the last' },
  'missing-version': { kind: 'stricter', means: '2.0 sections without version: "2.0"; LeIndex would drop them' },
  'version-mismatch': { kind: 'stricter', means: 'version: "1.0" with sections of 2.0; LeIndex would drop them' },
  'nothing-recognised': { kind: 'stricter', means: 'no key of LeIndex 1.0 or 2.0; LeIndex would run on defaults' },
  'unsupported-version': { kind: 'leindex', means: 'the version is not the text "1.0" or "2.0"' },
  'missing-section': { kind: 'leindex', means: 'memory, projects or performance is missing' },
  'unknown-key': { kind: 'leindex', means: 'a section has a key that LeIndex does not know' },
  type: { kind: 'leindex', means: 'a value has the wrong type' },
  'boolean-for-integer': {
    kind: 'stricter',
    means: 'a boolean where a whole number is meant; Python would take it for 0 or 1',
  },
  range: { kind: 'leindex', means: 'a number is out of its range' },
  choice: { kind: 'leindex', means: 'a word is not one of those allowed' },
  'threshold-order': { kind: 'leindex', means: 'warning < prompt < emergency does not hold' },
  'index-share': { kind: 'leindex', means: 'global_index_mb is not 10 % to 50 % of total_budget_mb' },
  'unknown-top-level-key': { kind: 'warning', means: 'LeIndex ignores a top-level key' },
  'migrated-version': { kind: 'warning', means: 'the file is of version 1.0 and is read as LeIndex migrates it' },
  'dropped-value': { kind: 'warning', means: 'the migration from 1.0 drops a value' },
  'unusual-number': { kind: 'warning', means: 'a number in a notation that people read otherwise than YAML 1.1' },
} as const satisfies Record<string, { kind: 'leindex' | 'stricter' | 'warning'; means: string }>;

export type RuleName = keyof typeof rules;
