import type { Logger } from 'pino';
import { toRecord, type ReloadEvent } from '../core/reload-event.ts';
import { SecretFile } from './bearer-token.ts';
import { systemClock, type Clock } from './clock.ts';
import { describeError } from './describe-error.ts';
import { plainHttpUrl } from './plain-http-url.ts';
import { sleepQuietly } from './sleep-quietly.ts';
import { readWebhookSecret, signWebhook } from './webhook-signature.ts';

export interface WebhookNotifierOptions {
  readonly urls: readonly string[];
  /** File with the Standard Webhooks secret (`whsec_…`); without one the messages are not signed. */
  readonly secretFile?: string;
  /** Messages kept for one receiver; the oldest is dropped beyond that. Default 256. */
  readonly queueLimit?: number;
  /** Tries of one message; default 8, which is about four minutes. */
  readonly attempts?: number;
  /** Before the second try, in milliseconds; default 1000, doubled up to 5 min, full jitter. */
  readonly firstDelayMs?: number;
  /** Of one try, in milliseconds; default 10000. */
  readonly timeoutMs?: number;
  readonly logger: Logger;
  readonly onOutcome?: (outcome: 'delivered' | 'failed' | 'dropped') => void;
  readonly clock?: Clock;
  readonly random?: () => number;
}

interface Message {
  readonly id: string;
  readonly body: string;
}

type Attempt = 'delivered' | 'again' | 'refused';
const MOST_DELAY_MS = 300_000;

/** Tells each receiver of each event, apart from the reload and from each other. */
export class WebhookNotifier {
  readonly #receivers: readonly Receiver[];

  /** @throws TypeError where a URL is not http or https, or holds a user name or password. */
  constructor(options: WebhookNotifierOptions) {
    const secret = options.secretFile === undefined ? undefined : new SecretFile(options.secretFile);
    this.#receivers = options.urls.map((url) => new Receiver(url, secret, options));
  }

  /** Queues the event for every receiver; returns at once. */
  notify(event: ReloadEvent): void {
    const type = event.result === 'success' ? 'config.reload.succeeded' : 'config.reload.failed';
    const body = JSON.stringify({ type, timestamp: event.timestamp, data: toRecord(event) });
    for (const receiver of this.#receivers) receiver.add({ id: `msg_${event.id}`, body });
  }

  /** Sends what waits for up to `graceMs`, then gives the rest up. */
  async close(graceMs = 5000): Promise<void> {
    await Promise.all(this.#receivers.map((receiver) => receiver.close(graceMs)));
  }
}

class Receiver {
  readonly #url: URL;
  readonly #secret: SecretFile | undefined;
  readonly #options: WebhookNotifierOptions;
  readonly #stop = new AbortController();
  #queue: Message[] = [];
  #sending: Promise<void> | undefined;

  constructor(url: string, secret: SecretFile | undefined, options: WebhookNotifierOptions) {
    this.#url = plainHttpUrl(url, 'a webhook URL');
    this.#secret = secret;
    this.#options = options;
  }

  add(message: Message): void {
    const { queueLimit = 256, onOutcome } = this.#options;
    if (this.#stop.signal.aborted) return;
    if (this.#queue.length >= queueLimit) {
      this.#queue.shift();
      onOutcome?.('dropped');
    }
    this.#queue.push(message);
    this.#sending ??= this.#sendAll().finally(() => (this.#sending = undefined));
  }

  async close(graceMs: number): Promise<void> {
    const expire = setTimeout(() => this.#stop.abort(), graceMs);
    await this.#sending;
    clearTimeout(expire);
    this.#stop.abort();
  }

  async #sendAll(): Promise<void> {
    for (let message = this.#queue.shift(); message; message = this.#queue.shift()) {
      const isDelivered = await this.#send(message);
      this.#options.onOutcome?.(isDelivered ? 'delivered' : 'failed');
    }
  }

  async #send(message: Message): Promise<boolean> {
    const { attempts = 8, firstDelayMs = 1000, random = Math.random, logger } = this.#options;
    for (let attempt = 1; !this.#stop.signal.aborted; attempt++) {
      const { result, why, retryAfterMs } = await this.#try(message);
      if (result === 'delivered') return true;
      const isLast = result === 'refused' || attempt >= attempts;
      logger.warn({ host: this.#url.host, id: message.id, attempt, why, isLast }, 'webhook not delivered');
      if (isLast) return false;
      const backOff = Math.min(firstDelayMs * 2 ** (attempt - 1), MOST_DELAY_MS) * random();
      await sleepQuietly(Math.max(backOff, retryAfterMs), this.#stop.signal);
    }
    return false;
  }

  /** One try. The id is that of the event at every try; the timestamp is the try's own, so that a receiver can refuse a replay. */
  async #try({ id, body }: Message): Promise<{ result: Attempt; why?: string; retryAfterMs: number }> {
    const { clock = systemClock, timeoutMs = 10_000 } = this.#options;
    const timestamp = Math.floor(clock.now().getTime() / 1000);
    const headers: Record<string, string> = {
      'content-type': 'application/json',
      'user-agent': 'leindex-reloader',
      'webhook-id': id,
      'webhook-timestamp': String(timestamp),
    };
    if (this.#secret) {
      const secret = readWebhookSecret((await this.#secret.read()) ?? '');
      if (!secret) return { result: 'again', why: 'the secret file holds no secret', retryAfterMs: 0 };
      headers['webhook-signature'] = signWebhook({ id, timestamp, body, secret });
    }
    try {
      const signal = AbortSignal.any([AbortSignal.timeout(timeoutMs), this.#stop.signal]);
      const response = await fetch(this.#url, { method: 'POST', headers, body, redirect: 'manual', signal });
      await response.body?.cancel();
      const { status } = response;
      if (response.ok) return { result: 'delivered', retryAfterMs: 0 };
      const again = status === 408 || status === 429 || status >= 500;
      return {
        result: again ? 'again' : 'refused',
        why: `status ${status}`,
        retryAfterMs: readRetryAfter(response.headers),
      };
    } catch (error) {
      return {
        result: 'again',
        why: describeError(error instanceof Error ? (error.cause ?? error) : error),
        retryAfterMs: 0,
      };
    }
  }
}

/** Milliseconds; 0 where the header is missing or unreadable, never more than five minutes. */
function readRetryAfter(headers: Headers): number {
  const word = headers.get('retry-after') ?? '';
  return /^\d+$/.test(word) ? Math.min(Number(word) * 1000, MOST_DELAY_MS) : 0;
}
