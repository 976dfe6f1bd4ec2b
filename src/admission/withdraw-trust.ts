import type { Logger } from 'pino';
import type { Clock } from '../runtime/clock.ts';
import { mergeTrust } from './trust-bundle.ts';
import type { WebhookTrust } from './webhook-trust.ts';

/** For all tries together, milliseconds. */
const LIMIT_MS = 2_000;

/** Takes certificates of a process that ends out of the bundle. Best effort: what stays there has no key any more, and expires. */
export async function withdrawTrust(
  retired: readonly string[],
  context: {
    readonly trust: WebhookTrust;
    readonly clock: Clock;
    readonly wallClock: () => Date;
    readonly logger: Logger;
  },
): Promise<void> {
  const { trust, clock, wallClock, logger } = context;
  const limit = new AbortController();
  const cancel = clock.setTimer(() => limit.abort(), LIMIT_MS);
  const isOver = () => limit.signal.aborted;
  try {
    while (!isOver()) {
      const stored = await trust.read(limit.signal);
      if (!stored) return;
      const { bundle, isChanged } = mergeTrust({ present: stored.bundle, own: [], retired, now: wallClock() });
      if (!isChanged || (await trust.write(bundle, stored.version, limit.signal))) return;
    }
  } catch (err) {
    logger.debug({ err }, 'the certificate stays in the caBundle until it expires');
  } finally {
    cancel();
  }
}
