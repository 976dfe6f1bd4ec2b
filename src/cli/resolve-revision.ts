import type { ConfigReloadStatus } from '../core/configreload.ts';
import { shortHash } from '../core/content-hash.ts';
import { printable } from '../core/printable.ts';
import { CommandError, ExitCode } from './command.ts';

/** How a revision can be named, for help. */
export const REVISION_WORDS = 'a number of `history`, previous, good (the last known good), or the beginning of a hash';

/**
 * The number of the revision that a word names: itself, `previous` (the newest that ran before the one that runs), `good`, or
 * at least four digits of a hash.
 *
 * @throws CommandError 2 where the word is none of these or names several; 1 where there is no such revision
 */
export function resolveRevision(word: string, status: ConfigReloadStatus): number {
  if (/^[1-9]\d{0,8}$/.test(word)) return Number(word);
  if (word === 'previous') return previousOf(status);
  if (word === 'good') return goodOf(status);
  const digits = /^(?:sha256:)?([0-9a-f]{4,64})$/.exec(word)?.[1];
  if (digits === undefined) {
    throw new CommandError(`"${printable(word, 80)}" names no revision; give ${REVISION_WORDS}`, ExitCode.usage);
  }
  const found = new Map(
    status.history
      .filter(({ revision, newHash }) => revision > 0 && newHash.startsWith(`sha256:${digits}`))
      .map(({ revision, newHash }) => [revision, newHash]),
  );
  const [first, ...others] = [...found.keys()];
  if (first === undefined) {
    throw new CommandError(`no revision of \`history\` has a hash that begins with ${digits}`, ExitCode.invalid);
  }
  if (others.length === 0) return first;
  const choices = [...found].map(([revision, hash]) => `${revision} (${shortHash(hash)})`).join(', ');
  throw new CommandError(`${digits} could be any of the revisions ${choices}; name one by its number`, ExitCode.usage);
}

function previousOf({ history, appliedRevision }: ConfigReloadStatus): number {
  const earlier = history
    .filter(({ result, revision }) => result === 'success' && revision > 0 && revision < appliedRevision)
    .map(({ revision }) => revision);
  if (earlier.length > 0) return Math.max(...earlier);
  const message = `no revision before ${appliedRevision} has run; name one of \`history\``;
  throw new CommandError(message, ExitCode.invalid);
}

function goodOf({ lastKnownGood: { revision } }: ConfigReloadStatus): number {
  if (revision > 0) return revision;
  throw new CommandError('there is no last known good revision yet', ExitCode.invalid);
}
