/** The hashes of texts that cost too much, the latest `capacity` of them: they are refused without another try. */
export class Quarantine {
  private readonly capacity: number;
  private readonly hashes = new Set<string>();

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  add(hash: string): void {
    this.hashes.delete(hash);
    this.hashes.add(hash);
    for (const oldest of this.hashes) {
      if (this.hashes.size <= this.capacity) return;
      this.hashes.delete(oldest);
    }
  }

  /** Whether the text is known; a hash that is asked for stays longer. */
  has(hash: string): boolean {
    if (!this.hashes.has(hash)) return false;
    this.add(hash);
    return true;
  }
}
