/** What a reconcile returns: look again after a while, or when something changes. Retry policy is the controller's. */
export type Action = { readonly kind: 'requeueAfter'; readonly ms: number } | { readonly kind: 'awaitChange' };

/** Look at this key again after `ms`, whether or not anything changes. */
export function requeueAfter(ms: number): Action {
  return { kind: 'requeueAfter', ms };
}

/** Look at this key again when it is added to the queue. */
export function awaitChange(): Action {
  return { kind: 'awaitChange' };
}

/** Brings the world closer to what the key's object wants. Called by one worker a key at a time. */
export type Reconcile<K extends string = string> = (key: K, signal: AbortSignal) => Promise<Action>;

/** A failure that no repetition mends: it is logged and not tried again until the key is added anew. */
export class TerminalError extends Error {
  override readonly name = 'TerminalError';
}
