import type { ServingCertificate } from './serving-certificate.ts';

/** Milliseconds. */
export interface RotationTiming {
  /** How long a certificate is valid. It is replaced after two thirds of that. */
  readonly lifeMs: number;
  /** From the moment that the next certificate is published until it is served: every API server trusts it by then. */
  readonly settleMs: number;
}

export const DEFAULT_ROTATION: RotationTiming = { lifeMs: 30 * 24 * 3_600_000, settleMs: 60_000 };

/** What this process holds. */
export interface Rotation {
  readonly serving: ServingCertificate | undefined;
  readonly next: ServingCertificate | undefined;
  /** How long `next` has been in the bundle that API servers trust, milliseconds; undefined: not yet. */
  readonly nextTrustedForMs: number | undefined;
}

/** `issue`: make another `next`. `serve`: `next` takes over. `wait`: nothing to do now. */
export type RotationStep = 'issue' | 'serve' | 'wait';

/** The step to take; the first check that matches wins. No request fails in a rotation: what is served is trusted before. */
export function nextStep(
  { serving, next, nextTrustedForMs }: Rotation,
  at: { readonly hosts: readonly string[]; readonly now: Date },
  timing: RotationTiming,
): RotationStep {
  const isGood = (one: ServingCertificate) => isValid(one, at.now) && isFor(one, at.hosts);
  // Made by a clock that was wrong, or for a name that has changed since.
  if (next && !isGood(next)) return 'issue';
  if (next && nextTrustedForMs !== undefined) {
    // What is served now convinces nobody: no reason to wait.
    if (!serving || !isGood(serving)) return 'serve';
    return nextTrustedForMs >= timing.settleMs ? 'serve' : 'wait';
  }
  if (next) return 'wait';
  if (!serving || !isGood(serving)) return 'issue';
  return at.now.getTime() >= serving.notAfter.getTime() - timing.lifeMs / 3 ? 'issue' : 'wait';
}

function isValid({ notBefore, notAfter }: ServingCertificate, now: Date): boolean {
  return notBefore <= now && now < notAfter;
}

function isFor({ hosts }: ServingCertificate, wanted: readonly string[]): boolean {
  return wanted.every((host) => hosts.includes(host));
}
