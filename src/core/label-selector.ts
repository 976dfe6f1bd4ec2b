/** Kubernetes label selectors, as `kubectl -l` takes them: `a=b,c!=d,e in (f,g),h notin (i),j,!k`. */

const NAME = '[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?';
const KEY = new RegExp(`^(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?/)?${NAME}$`);
const VALUE = new RegExp(`^(?:${NAME})?$`);

interface Requirement {
  readonly key: string;
  readonly isMet: (value: string | undefined) => boolean;
}
export type LabelSelector = readonly Requirement[];

/** undefined where the text cannot be read, or where it would match every pod (an empty selector). */
export function parseLabelSelector(text: string): LabelSelector | undefined {
  if (text.length > 1024) return undefined;
  const requirements = splitOutsideParentheses(text).map(parseRequirement);
  return requirements.length > 0 && requirements.every((one) => one !== undefined) ? requirements : undefined;
}

export function matchesLabels(selector: LabelSelector, labels: Readonly<Record<string, string>>): boolean {
  return selector.every(({ key, isMet }) => isMet(Object.hasOwn(labels, key) ? labels[key] : undefined));
}

function parseRequirement(part: string): Requirement | undefined {
  const set = /^(\S+)\s+(in|notin)\s*\(([^()]*)\)$/.exec(part);
  if (set)
    return setRequirement(
      set[1] ?? '',
      set[2] === 'in',
      (set[3] ?? '').split(',').map((word) => word.trim()),
    );
  const equal = /^([^\s=!]+)\s*(==|=|!=)\s*(\S*)$/.exec(part);
  if (equal) return setRequirement(equal[1] ?? '', equal[2] !== '!=', [equal[3] ?? '']);
  const exists = /^(!?)\s*([^\s!=]+)$/.exec(part);
  const key = exists?.[2] ?? '';
  if (!KEY.test(key)) return undefined;
  const isNegated = exists?.[1] === '!';
  return { key, isMet: (value) => (value === undefined) === isNegated };
}

function setRequirement(key: string, isIn: boolean, values: readonly string[]): Requirement | undefined {
  if (!KEY.test(key) || !values.every((value) => VALUE.test(value))) return undefined;
  return { key, isMet: (value) => (value !== undefined && values.includes(value)) === isIn };
}

function splitOutsideParentheses(text: string): string[] {
  return text
    .split(/,(?![^()]*\))/)
    .map((part) => part.trim())
    .filter((part, _index, all) => part !== '' || all.length > 1);
}
