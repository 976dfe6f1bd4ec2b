/** What the scanner makes of the text: the indicators, and the block structure that indentation implies. */
export type Token =
  | { readonly type: 'scalar'; readonly at: number; readonly text: string; readonly isPlain: boolean }
  | { readonly type: 'alias' | 'anchor'; readonly at: number; readonly name: string }
  | { readonly type: SimpleTokenType; readonly at: number };

export type SimpleTokenType =
  | 'document-start'
  | 'document-end'
  | 'stream-end'
  | 'block-sequence-start'
  | 'block-mapping-start'
  | 'block-end'
  | 'block-entry'
  | 'flow-sequence-start'
  | 'flow-sequence-end'
  | 'flow-mapping-start'
  | 'flow-mapping-end'
  | 'flow-entry'
  | 'key'
  | 'value';
