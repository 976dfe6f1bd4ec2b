import type { LeIndexConfig } from '../core/leindex-config.ts';
import type { ConfigReloadStatus } from '../core/configreload.ts';
import type { Ports } from './ports.ts';

const MOST = 512;

/** Effective values by hash, for the diff of a history entry: the newest 512; older ones are read from their revision. */
export class KnownConfigs {
  readonly #ports: Pick<Ports, 'revisions' | 'validate'>;
  readonly #configs = new Map<string, LeIndexConfig>();

  constructor(ports: Pick<Ports, 'revisions' | 'validate'>) {
    this.#ports = ports;
  }

  remember(hash: string, config: LeIndexConfig): void {
    this.#configs.delete(hash);
    this.#configs.set(hash, config);
    const [oldest] = this.#configs.keys();
    if (this.#configs.size > MOST && oldest !== undefined) this.#configs.delete(oldest);
  }

  /** The configuration that every target ran last; null where there was none, or its revision cannot be read. */
  async applied(
    key: string,
    { appliedHash, appliedRevision }: ConfigReloadStatus,
    signal: AbortSignal,
  ): Promise<LeIndexConfig | null> {
    const known = this.#configs.get(appliedHash);
    if (known || appliedHash === '') return known ?? null;
    try {
      const revision = await this.#ports.revisions.read(key, appliedRevision, signal);
      const outcome = revision && (await this.#ports.validate(revision.content));
      return outcome?.valid && outcome.hash === appliedHash ? outcome.config : null;
    } catch {
      return null; // a diff is a courtesy: without it the reload is recorded all the same
    }
  }
}
