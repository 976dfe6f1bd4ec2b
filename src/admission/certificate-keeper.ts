import type { Logger } from 'pino';
import { type Clock, sleep } from '../runtime/clock.ts';
import { DEFAULT_ROTATION, nextStep, type RotationTiming } from './certificate-rotation.ts';
import { issueCertificate, type ServingCertificate } from './serving-certificate.ts';
import { mergeTrust } from './trust-bundle.ts';
import type { StoredTrust, WebhookTrust } from './webhook-trust.ts';
import { withdrawTrust } from './withdraw-trust.ts';

export interface KeeperOptions {
  readonly trust: WebhookTrust;
  /** Uses this certificate for connections from now on. */
  readonly serve: (pair: { readonly cert: string; readonly key: string }) => void;
  readonly clock: Clock;
  readonly wallClock: () => Date;
  readonly logger: Logger;
  readonly timing?: KeeperTiming;
}

/** Milliseconds. */
export interface KeeperTiming extends RotationTiming {
  /** Between two looks at the configuration. */
  readonly checkMs: number;
  /** From the first publication until this replica is ready: API servers learn of it by their watch. */
  readonly readyAfterMs: number;
}

export const DEFAULT_KEEPER: KeeperTiming = { ...DEFAULT_ROTATION, checkMs: 30_000, readyAfterMs: 2_000 };
/** After a failure, doubled up to `checkMs`. */
const FIRST_RETRY_MS = 500;

/**
 * Makes this replica's certificate, has API servers trust it, serves it, and renews it. The key never leaves the process;
 * the caBundle holds one certificate of each replica, so that replicas share no secret.
 */
export class CertificateKeeper {
  readonly #options: KeeperOptions;
  readonly #timing: KeeperTiming;
  readonly #retired: string[] = [];
  #serving: ServingCertificate | undefined;
  #next: ServingCertificate | undefined;
  #nextTrustedAt: number | undefined;
  #readyAt = Infinity;
  #problem = 'its certificate is not published yet';

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#timing = options.timing ?? DEFAULT_KEEPER;
  }

  /** Why no API server may be sent here yet; undefined from the moment that this replica was ready once. */
  get unready(): string | undefined {
    return this.#options.clock.now() >= this.#readyAt ? undefined : `admission webhook: ${this.#problem}`;
  }

  /** Until `signal` aborts; fails at nothing, tries everything again. Call it once. */
  async run(signal: AbortSignal): Promise<void> {
    let retryMs = FIRST_RETRY_MS;
    const isOver = () => signal.aborted;
    while (!isOver()) {
      const isDone = await this.#look(signal);
      const pause = isDone ? this.#pause() : retryMs;
      retryMs = isDone ? FIRST_RETRY_MS : Math.min(retryMs * 2, this.#timing.checkMs);
      await sleep(this.#options.clock, pause, signal);
    }
    await withdrawTrust(this.#own(), this.#options);
  }

  /** Whether all is as it should be for now. */
  async #look(signal: AbortSignal): Promise<boolean> {
    const { trust, logger } = this.#options;
    try {
      const stored = await trust.read(signal);
      if (!stored) {
        this.#report('there is no ValidatingWebhookConfiguration of ours');
        return false;
      }
      return await this.#bring(stored, signal);
    } catch (err) {
      if (signal.aborted) return false;
      logger.warn({ err }, 'the certificate of the admission webhook cannot be published; tried again');
      this.#problem = 'its certificate cannot be published; the log says why';
      return false;
    }
  }

  /** Steps and publishes until there is nothing left to do with what was read; false: somebody else wrote. */
  async #bring(stored: StoredTrust, signal: AbortSignal): Promise<boolean> {
    const { serve, logger } = this.#options;
    await this.#issueWhereDue(stored.host);
    if (!(await this.#publish(stored, signal))) return false;
    if (this.#step(stored.host) !== 'serve' || !this.#next) return true;
    const { certificate, key, notAfter } = this.#next;
    serve({ cert: certificate, key });
    logger.info({ notAfter, host: stored.host }, 'the admission webhook serves a certificate of its own');
    if (this.#serving) this.#retired.push(this.#serving.certificate);
    this.#serving = this.#next;
    this.#next = this.#nextTrustedAt = undefined;
    if (this.#readyAt === Infinity) this.#readyAt = this.#options.clock.now() + this.#timing.readyAfterMs;
    // What it has retired goes out of the bundle with the next look: this one's version is used up.
    return this.#retired.length === 0;
  }

  async #issueWhereDue(host: string): Promise<void> {
    if (this.#step(host) !== 'issue') return;
    if (this.#next) this.#retired.push(this.#next.certificate);
    const { wallClock } = this.#options;
    this.#next = await issueCertificate({ hosts: [host], now: wallClock(), lifeMs: this.#timing.lifeMs });
    this.#nextTrustedAt = undefined;
  }

  #step(host: string) {
    const { clock, wallClock } = this.#options;
    const nextTrustedForMs = this.#nextTrustedAt === undefined ? undefined : clock.now() - this.#nextTrustedAt;
    const held = { serving: this.#serving, next: this.#next, nextTrustedForMs };
    return nextStep(held, { hosts: [host], now: wallClock() }, this.#timing);
  }

  async #publish({ bundle: present, version }: StoredTrust, signal: AbortSignal): Promise<boolean> {
    const { trust, clock, logger, wallClock } = this.#options;
    const own = this.#own();
    const { bundle, isChanged, dropped } = mergeTrust({ present, own, retired: this.#retired, now: wallClock() });
    if (isChanged) {
      if (dropped.length > 0) logger.warn({ dropped }, 'certificates that are not ours were taken out of the caBundle');
      if (!(await trust.write(bundle, version, signal))) return false;
    }
    this.#retired.length = 0;
    if (this.#next) this.#nextTrustedAt ??= clock.now();
    return true;
  }

  #own(): string[] {
    return [this.#serving, this.#next].flatMap((one) => (one ? [one.certificate] : []));
  }

  /** Until the next look: sooner where a certificate waits to be served. */
  #pause(): number {
    if (this.#nextTrustedAt === undefined) return this.#timing.checkMs;
    const left = this.#nextTrustedAt + this.#timing.settleMs - this.#options.clock.now();
    return Math.min(Math.max(left, 0), this.#timing.checkMs);
  }

  #report(problem: string): void {
    if (problem !== this.#problem) this.#options.logger.warn(`admission webhook: ${problem}`);
    this.#problem = problem;
  }
}
