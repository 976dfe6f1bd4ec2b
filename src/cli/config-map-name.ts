import { existsSync } from 'node:fs';

/**
 * The ConfigMap that a word of the command line means: `configmap/NAME` or `cm/NAME` always, another word where it could be a
 * ConfigMap's name, does not look like a file's and is not one. Undefined: a file, or `-`.
 */
export function configMapName(word: string): string | undefined {
  const explicit = /^(?:cm|configmaps?)\/(.+)$/.exec(word)?.[1];
  const name = explicit ?? word;
  if (!/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/.test(name)) return undefined;
  if (explicit !== undefined) return name;
  return /\.(ya?ml|json)$/.test(name) || existsSync(name) ? undefined : name;
}
