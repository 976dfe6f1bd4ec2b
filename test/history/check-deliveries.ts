/** One delivery as a target's ledger has it, in order of arrival. */
export interface RecordedDelivery {
  readonly hash: string;
  readonly wasApplied: boolean;
}

/** What a test recorded of one source from its first text to the end. */
export interface RecordedRun {
  /** Every text that the source had, in order; no two are the same, and no rollback happened. */
  readonly texts: readonly { readonly hash: string; readonly isValid: boolean }[];
  /** By target; each is of one life of one process. */
  readonly ledgers: Readonly<Record<string, readonly RecordedDelivery[]>>;
  /** Calls of the controller after everything had come to rest, Lease renewals left out. */
  readonly writesAtRest: readonly string[];
}

/** The promises of the contract's section 9 that a recorded run broke, a sentence each; empty: none. */
export function checkDeliveries({ texts, ledgers, writesAtRest }: RecordedRun): string[] {
  const order = new Map(texts.map(({ hash }, index) => [hash, index]));
  const valid = new Set(texts.filter(({ isValid }) => isValid).map(({ hash }) => hash));
  const wanted = texts.findLast(({ isValid }) => isValid)?.hash;
  return [
    ...Object.entries(ledgers).flatMap(([target, ledger]) => [
      ...checkGate(target, ledger, valid),
      ...checkOrder(target, ledger, order),
      ...checkOnce(target, ledger),
      ...checkConvergence(target, ledger, wanted),
    ]),
    ...writesAtRest.map((call) => `silence: ${call} after everything was settled`),
  ];
}

function checkGate(target: string, ledger: readonly RecordedDelivery[], valid: ReadonlySet<string>): string[] {
  return ledger.filter(({ hash }) => !valid.has(hash)).map(({ hash }) => `gate: ${target} was given ${hash}`);
}

function checkOrder(target: string, ledger: readonly RecordedDelivery[], order: ReadonlyMap<string, number>): string[] {
  const at = (delivery: RecordedDelivery | undefined) => order.get(delivery?.hash ?? '') ?? -1;
  return ledger
    .filter((delivery, index) => index > 0 && at(delivery) < at(ledger[index - 1]))
    .map(({ hash }) => `order: ${target} was given ${hash} after a newer text`);
}

function checkOnce(target: string, ledger: readonly RecordedDelivery[]): string[] {
  const applied = ledger.filter(({ wasApplied }) => wasApplied).map(({ hash }) => hash);
  return applied
    .filter((hash, index) => applied.indexOf(hash) !== index)
    .map((hash) => `delivery: ${target} applied ${hash} again`);
}

function checkConvergence(target: string, ledger: readonly RecordedDelivery[], wanted: string | undefined): string[] {
  const last = ledger.findLast(({ wasApplied }) => wasApplied)?.hash;
  return last === wanted ? [] : [`convergence: ${target} runs ${last ?? 'nothing'}, not ${wanted ?? 'nothing'}`];
}
