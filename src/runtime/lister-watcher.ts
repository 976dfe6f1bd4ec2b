/** Where a reflector's objects come from: one kind of object, in one namespace or in all. */
export interface ListerWatcher {
  /** For logs and metrics: `configmaps`, `pods in team-a`. */
  readonly name: string;
  /** One page; `continue` is undefined on the first, `limit` 0 asks for everything at once. */
  list(
    query: { readonly limit: number; readonly continue: string | undefined },
    signal: AbortSignal,
  ): Promise<ListPage>;
  /** Resolves when the watch has begun. */
  watch(query: WatchQuery, signal: AbortSignal): Promise<AsyncIterable<WatchEvent>>;
}

export interface ListPage {
  readonly items: readonly unknown[];
  readonly resourceVersion: string;
  /** undefined on the last page. */
  readonly continue: string | undefined;
}

export interface WatchQuery {
  /** undefined: begin with what there is now (a WatchList). */
  readonly resourceVersion: string | undefined;
  readonly timeoutSeconds: number;
  /** The stream fails as `silent` when nothing, not even a bookmark, comes for this long. */
  readonly idleTimeoutMs: number;
}

export type WatchEvent =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: unknown }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string; readonly isInitialEnd: boolean };

/**
 * Why a list or watch ended: `expired` (410, list anew), `unsupported` (no WatchList here), `silent` (nothing came for the
 * watch's idle time: nothing has changed, or the connection is dead), `forbidden` (this account may not), `broken` (anything else).
 */
export class WatchFailure extends Error {
  override readonly name = 'WatchFailure';
  readonly kind: 'expired' | 'unsupported' | 'silent' | 'forbidden' | 'broken';
  /** What the server asks to wait, milliseconds. */
  readonly retryAfterMs: number | undefined;
  /** The server answered, and said no: it is there. */
  readonly isAnswer: boolean;

  constructor(
    kind: WatchFailure['kind'],
    message: string,
    options: { retryAfterMs?: number | undefined; isAnswer?: boolean; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.kind = kind;
    this.retryAfterMs = options.retryAfterMs;
    this.isAnswer = options.isAnswer ?? false;
  }
}
