import { pino } from 'pino';
import { afterEach, describe, expect, test } from 'vitest';
import { CertificateKeeper } from '../../src/admission/certificate-keeper.ts';
import type { StoredTrust, WebhookTrust } from '../../src/admission/webhook-trust.ts';
import { waitUntil } from '../cluster/wait-until.ts';
import { ManualClock } from '../runtime/manual-clock.ts';

const DAY_MS = 86_400_000;
const timing = { lifeMs: 30 * DAY_MS, settleMs: 60_000, checkMs: 30_000, readyAfterMs: 2_000 };
const start = new Date('2026-01-01T00:00:00Z').getTime();

/** One configuration in memory, with the API server's rule: a write names the version it was made from. */
class MemoryConfiguration implements WebhookTrust {
  stored: StoredTrust | undefined = { host: 'web.home.svc', bundle: '', version: '1' };
  writes = 0;
  conflicts = 0;
  fails: Error | undefined;

  async read(): Promise<StoredTrust | undefined> {
    if (this.fails) throw this.fails;
    return this.stored;
  }

  async write(bundle: string, version: string): Promise<boolean> {
    if (this.fails) throw this.fails;
    if (version !== this.stored?.version) {
      this.conflicts++;
      return false;
    }
    this.writes++;
    this.stored = { ...this.stored, bundle, version: String(Number(version) + 1) };
    return true;
  }
}

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

class Replica {
  readonly clock = new ManualClock();
  readonly served: string[] = [];
  readonly lines: Record<string, unknown>[] = [];
  readonly keeper: CertificateKeeper;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #offset = 0;

  constructor(trust: WebhookTrust, onServe: (certificate: string) => void = () => undefined) {
    const write = (line: string) => this.lines.push(JSON.parse(line) as Record<string, unknown>);
    this.keeper = new CertificateKeeper({
      ...{ trust, timing, clock: this.clock, logger: pino({}, { write }) },
      wallClock: () => new Date(start + this.clock.now() + this.#offset),
      serve: ({ cert }) => {
        onServe(cert);
        this.served.push(cert);
      },
    });
    this.#running = this.keeper.run(this.#stop.signal);
    ends.push(() => this.stop());
  }

  /** Moves the wall clock alone. */
  jump(ms: number): void {
    this.#offset += ms;
  }

  /** Keys are made on another thread, so that time passes in steps until what is waited for is there. */
  async until(check: () => boolean, stepMs = 500, steps = 400): Promise<void> {
    for (let step = 0; step < steps; step++) {
      await this.clock.advance(0);
      if (check()) return;
      // A look under way sets no timer.
      await waitUntil({ what: 'the keeper rests', check: () => this.clock.pending.length > 0, everyMs: 1 });
      await this.clock.advance(stepMs);
    }
    throw new Error(`not after ${steps} steps: ${JSON.stringify(this.lines)}`);
  }

  /** Lets so much time pass that whatever was to be done is done. */
  async rest(): Promise<void> {
    let seen = 0;
    await this.until(() => ++seen > 5, timing.checkMs);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }
}

describe('CertificateKeeper', () => {
  test('publishes first, serves then, is ready a moment later, and writes no more', async () => {
    const trust = new MemoryConfiguration();
    const replica = new Replica(trust, (certificate) => expect(trust.stored?.bundle).toBe(certificate));
    expect(replica.keeper.unready).toMatch('not published');
    await replica.until(() => replica.served.length === 1, 0);
    expect(replica.keeper.unready).toBeDefined();
    await replica.until(() => replica.keeper.unready === undefined);
    await replica.rest();
    expect(trust.writes).toBe(1);
  });

  test('waits for a configuration, says once that there is none, and says what fails', async () => {
    const trust = new MemoryConfiguration();
    const { stored } = trust;
    trust.stored = undefined;
    const replica = new Replica(trust);
    await replica.rest();
    expect(replica.keeper.unready).toMatch('no ValidatingWebhookConfiguration');
    expect(replica.lines).toHaveLength(1);
    trust.stored = stored;
    trust.fails = new Error('403 forbidden');
    await replica.until(() => replica.keeper.unready?.includes('cannot be published') === true);
    expect(JSON.stringify(replica.lines)).toContain('403 forbidden');
    trust.fails = undefined;
    await replica.until(() => replica.keeper.unready === undefined);
  });

  test('two replicas that write at the same time both end in the bundle', async () => {
    const trust = new MemoryConfiguration();
    const replicas = [new Replica(trust), new Replica(trust)];
    for (const replica of replicas) await replica.until(() => replica.served.length === 1);
    for (const replica of replicas) expect(trust.stored?.bundle).toContain(replica.served[0]);
    const { writes } = trust;
    for (const replica of replicas) await replica.rest();
    expect(trust.writes).toBe(writes);
    await replicas[0]!.stop();
    expect(trust.stored?.bundle).toBe(replicas[1]!.served[0]);
  });

  test('loses a race and tries again', async () => {
    const trust = new MemoryConfiguration();
    const read = trust.read.bind(trust);
    let races = 3;
    trust.read = async () => {
      const seen = await read();
      if (races-- > 0 && trust.stored) trust.stored = { ...trust.stored, version: `${trust.stored.version}0` };
      return seen;
    };
    const replica = new Replica(trust);
    await replica.until(() => replica.served.length === 1);
    expect(trust).toMatchObject({ writes: 1, conflicts: 3 });
  });

  test('rotates after two thirds: both are trusted for a minute, then the new one is served, then the old one goes', async () => {
    const trust = new MemoryConfiguration();
    const replica = new Replica(trust, (certificate) => expect(trust.stored?.bundle).toContain(certificate));
    await replica.until(() => replica.served.length === 1);
    const [first] = replica.served;
    replica.jump(19 * DAY_MS);
    await replica.rest();
    expect(trust.writes).toBe(1);
    replica.jump(DAY_MS);
    await replica.until(() => trust.writes === 2);
    const both = trust.stored?.bundle ?? '';
    expect(both.startsWith(first!) && both.length > first!.length).toBe(true);
    expect(replica.served).toHaveLength(1);
    const publishedAt = replica.clock.now();
    await replica.until(() => replica.served.length === 2);
    expect(replica.clock.now() - publishedAt).toBeGreaterThanOrEqual(timing.settleMs - 500);
    expect(trust.stored?.bundle).toBe(both);
    await replica.until(() => trust.writes === 3);
    expect(trust.stored?.bundle).toBe(replica.served[1]);
    expect(replica.keeper.unready).toBeUndefined();
    await replica.rest();
    expect(trust.writes).toBe(3);
  });

  test('puts right what somebody did to the bundle, and says what it took out', async () => {
    const trust = new MemoryConfiguration();
    const replica = new Replica(trust);
    await replica.until(() => replica.served.length === 1);
    trust.stored = { ...trust.stored!, bundle: 'nonsense', version: '7' };
    await replica.until(() => trust.stored?.bundle === replica.served[0]);
    expect(replica.lines).toContainEqual(expect.objectContaining({ level: 40, dropped: ['corrupt'] }));
    expect(replica.served).toHaveLength(1);
  });

  test('makes another certificate where the configuration names another host, and after a sleep past the end', async () => {
    const trust = new MemoryConfiguration();
    const replica = new Replica(trust);
    await replica.until(() => replica.served.length === 1);
    trust.stored = { ...trust.stored!, host: 'other.home.svc' };
    await replica.until(() => replica.served.length === 2);
    replica.jump(40 * DAY_MS);
    await replica.until(() => replica.served.length === 3);
    await replica.until(() => trust.stored?.bundle === replica.served[2]);
  });

  test('takes its certificate out at the end, and ends where it cannot', async () => {
    const trust = new MemoryConfiguration();
    const replica = new Replica(trust);
    await replica.until(() => replica.served.length === 1);
    await replica.stop();
    expect(trust.stored?.bundle).toBe('');
    const other = new Replica(trust);
    await other.until(() => other.served.length === 1);
    trust.fails = new Error('gone');
    await other.stop();
  });
});
