/** One line of the table of `npm run bench`. */
export interface BenchRow {
  readonly name: string;
  /** What was measured, with its unit: `p50 12.3 ms, p99 20.1 ms`. */
  readonly measured: string;
  /** The same for the floor or the peer that was measured in the same run; empty: there is none. */
  readonly floor: string;
  /** How many times the floor. */
  readonly ratio: string;
  /** What issue and docs ask for; empty: nothing. */
  readonly target: string;
  /** Whether it was reached; undefined: there is no target. */
  readonly isReached?: boolean;
}

/** Modules named `*.bench.ts` export one function of this kind as their default. */
export type Bench = (report: (row: BenchRow) => void) => Promise<void>;

/** The value below which a share (0–1) of the samples lies. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  if (value === undefined) throw new RangeError('no samples');
  return value;
}

export const ms = (value: number) => `${value.toFixed(1)} ms`;
export const mb = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(1)} MB`;
export const seconds = (value: number) => `${(value / 1000).toFixed(2)} s`;
