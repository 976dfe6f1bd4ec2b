import type { IncomingMessage } from 'node:http';
import { Slots } from './slots.ts';

export interface BodyLimits {
  /** More than that is refused. */
  readonly mostBytes: number;
  /** Up to that any number of bodies is taken, so that nobody who sends slowly keeps small ones out. */
  readonly smallBytes: number;
  /** So many bodies may be larger at a time. */
  readonly largeBodies: number;
  /** How long another one waits to go on, in milliseconds. */
  readonly waitMs: number;
}

/** Why a body was not read: 413 too large, 503 no room for it in time. */
export class BodyRefused extends Error {
  override readonly name = 'BodyRefused';
  readonly status: 413 | 503;

  constructor(status: 413 | 503) {
    super(`the body was refused with ${status}`);
    this.status = status;
  }
}

/** Reads bodies, of all of which together only so much is in memory. */
export class BodyReader {
  readonly #limits: BodyLimits;
  readonly #large: Slots;

  constructor(limits: BodyLimits) {
    this.#limits = limits;
    this.#large = new Slots({ count: limits.largeBodies, waitMs: limits.waitMs });
  }

  /**
   * Hands the body over; its room is taken until `use` has ended.
   *
   * @throws BodyRefused; what `use` throws; where the client goes away
   */
  async read<Result>(request: IncomingMessage, use: (body: Buffer) => Promise<Result>): Promise<Result> {
    const { mostBytes, smallBytes } = this.#limits;
    if (Number(request.headers['content-length'] ?? 0) > mostBytes) throw new BodyRefused(413);
    const chunks: Buffer[] = [];
    let size = 0;
    let isLarge = false;
    try {
      // While a chunk is not taken, no more than the stream's own buffer is read. A refusal is still to be answered.
      for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        size += chunk.length;
        if (size > mostBytes) throw new BodyRefused(413);
        if (size > smallBytes && !isLarge) {
          isLarge = await this.#large.enter();
          if (!isLarge) throw new BodyRefused(503);
        }
        chunks.push(chunk);
      }
      return await use(Buffer.concat(chunks));
    } finally {
      if (isLarge) this.#large.leave();
    }
  }
}
