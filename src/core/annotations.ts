import { parseDuration } from './duration.ts';
import { parseLabelSelector } from './label-selector.ts';
import { nearestName } from './nearest-name.ts';
import { ANNOTATION_PREFIX } from './names.ts';
import { printable } from './printable.ts';

export type Strategy = 'auto' | 'endpoint' | 'signal';
export type ReloadSignal = 'SIGHUP' | 'SIGUSR1' | 'SIGUSR2';
export type BatchSize = { readonly count: number } | { readonly percent: number };

/** What the annotations of a source ask for; every field has its default filled in. Contract, section 2. */
export interface ReloadPolicy {
  readonly key: string | undefined;
  readonly strategy: Strategy;
  readonly signal: ReloadSignal;
  readonly container: string | undefined;
  readonly process: string | undefined;
  readonly selector: string | undefined;
  /** For one target, milliseconds. */
  readonly timeoutMs: number;
  readonly canary: number;
  readonly batchSize: BatchSize;
  readonly onFailure: 'halt' | 'rollback';
  readonly onUnreloadable: 'report' | 'restart';
  readonly publishTo: string | undefined;
  readonly dryRun: boolean;
  readonly paused: boolean;
  readonly historyLimit: number;
  readonly tokenSecret: string | undefined;
  readonly requestedAt: string | undefined;
  readonly rollbackTo: number | 'previous' | undefined;
}

export interface AnnotationProblem {
  /** Without the prefix: `timeout`. */
  readonly annotation: string;
  /** Escaped and shortened. */
  readonly value: string;
  /** What would be right. */
  readonly expected: string;
}

export interface UnknownAnnotation {
  /** Without the prefix, as it was written. */
  readonly annotation: string;
  /** Escaped. */
  readonly message: string;
}

export type PolicyReading =
  | { readonly kind: 'notOptedIn' }
  | { readonly kind: 'optedIn'; readonly policy: ReloadPolicy; readonly warnings: readonly string[] }
  | { readonly kind: 'malformed'; readonly problems: readonly [AnnotationProblem, ...AnnotationProblem[]] };

export type Annotations = Readonly<Record<string, string>>;

const DNS_SUBDOMAIN = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const DNS_LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const DATA_KEY = /^(?!\.\.)[-._a-zA-Z0-9]{1,253}$/;
export const PROCESS_NAME = /^[A-Za-z0-9._-]{1,15}$/;

/** Reads one annotation's value; undefined means that it cannot be read. */
type Reader<T> = (value: string) => T | undefined;
interface Field<T> {
  readonly read: Reader<T>;
  readonly expected: string;
  readonly fallback: T;
}

const oneOf =
  <T extends string>(...values: T[]): Reader<T> =>
  (value) =>
    values.find((known) => known === value);
const matching =
  (pattern: RegExp): Reader<string> =>
  (value) =>
    pattern.test(value) ? value : undefined;
const whole =
  (minimum: number, maximum: number): Reader<number> =>
  (value) =>
    /^\d{1,9}$/.test(value) && Number(value) >= minimum && Number(value) <= maximum ? Number(value) : undefined;
const flag: Reader<boolean> = (value) => (value === 'true' ? true : value === 'false' ? false : undefined);
const optional = <T>(read: Reader<T>, expected: string): Field<T | undefined> => ({
  read,
  expected,
  fallback: undefined,
});

const fields: { readonly [Name in keyof ReloadPolicy]: Field<ReloadPolicy[Name]> } = {
  key: optional(matching(DATA_KEY), 'a data key, as in mcp_config.yaml'),
  strategy: { read: oneOf('auto', 'endpoint', 'signal'), expected: 'auto, endpoint or signal', fallback: 'auto' },
  signal: { read: oneOf('SIGHUP', 'SIGUSR1', 'SIGUSR2'), expected: 'SIGHUP, SIGUSR1 or SIGUSR2', fallback: 'SIGHUP' },
  container: optional(matching(DNS_LABEL), 'the name of a container'),
  process: optional(
    matching(PROCESS_NAME),
    'an exact process name of 1 to 15 letters, digits, dots, dashes or underscores',
  ),
  selector: optional(
    (value) => (parseLabelSelector(value) ? value : undefined),
    'a label selector that names at least one label, as in app=leindex',
  ),
  timeoutMs: {
    read: (value) => {
      const ms = parseDuration(value);
      return ms !== undefined && ms >= 1000 && ms <= 600_000 ? ms : undefined;
    },
    expected: 'a duration from 1s to 10m',
    fallback: 30_000,
  },
  canary: { read: whole(0, 100_000), expected: 'a number of targets, 0 or more', fallback: 0 },
  batchSize: {
    read: readBatchSize,
    expected: 'a number of targets as in 10, or a share as in 25%',
    fallback: { percent: 100 },
  },
  onFailure: { read: oneOf('halt', 'rollback'), expected: 'halt or rollback', fallback: 'halt' },
  onUnreloadable: { read: oneOf('report', 'restart'), expected: 'report or restart', fallback: 'report' },
  publishTo: optional(matching(DNS_SUBDOMAIN), 'the name of a ConfigMap'),
  dryRun: { read: flag, expected: '"true" or "false"', fallback: false },
  paused: { read: flag, expected: '"true" or "false"', fallback: false },
  historyLimit: { read: whole(1, 100), expected: 'a number from 1 to 100', fallback: 100 },
  tokenSecret: optional(matching(DNS_SUBDOMAIN), 'the name of a Secret'),
  requestedAt: optional(
    matching(/^[\x20-\x7e]{1,128}$/),
    'any text of 1 to 128 printable ASCII characters, usually a time',
  ),
  rollbackTo: optional(
    (value) => (value === 'previous' ? value : whole(1, 999_999_999)(value)),
    'a revision number, or previous',
  ),
};

/** Field of the policy → annotation: `timeoutMs` is `timeout`, `batchSize` is `batch-size`. */
const annotationOf = (field: string) =>
  field.replace(/Ms$/, '').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
const known: readonly string[] = ['enabled', ...Object.keys(fields).map(annotationOf)];

/** Whether these annotations opt in: only the exact word `true` does. */
export function isOptedIn(annotations: Annotations | undefined): boolean {
  return annotations?.[`${ANNOTATION_PREFIX}enabled`] === 'true';
}

/** Reads what a ConfigMap's annotations ask for. A value that cannot be read is never ignored: all such values are named. */
export function readPolicy(annotations: Annotations | undefined): PolicyReading {
  if (!annotations || !isOptedIn(annotations)) return { kind: 'notOptedIn' };
  const problems: AnnotationProblem[] = [];
  const policy = Object.fromEntries(
    Object.entries(fields).map(([name, field]: [string, Field<unknown>]) => {
      const annotation = annotationOf(name);
      const value = annotations[ANNOTATION_PREFIX + annotation];
      if (value === undefined) return [name, field.fallback];
      const read = field.read(value);
      if (read === undefined) problems.push({ annotation, value: printable(value, 64), expected: field.expected });
      return [name, read];
    }),
  ) as unknown as ReloadPolicy;

  const [first, ...rest] = problems;
  if (first) return { kind: 'malformed', problems: [first, ...rest] };
  const warnings = findUnknown(annotations).map(({ message }) => message);
  return { kind: 'optedIn', policy: Object.freeze(policy), warnings };
}

/** What the author is told of it, at `kubectl apply` as by `validate`. */
export function describeProblem({ annotation, value, expected }: AnnotationProblem): string {
  return `annotation ${ANNOTATION_PREFIX}${annotation}: "${value}" cannot be read; it must be ${expected}`;
}

/** Those of our annotations that mean nothing. */
export function findUnknown(annotations: Annotations): UnknownAnnotation[] {
  return Object.keys(annotations)
    .filter((name) => name.startsWith(ANNOTATION_PREFIX))
    .map((name) => name.slice(ANNOTATION_PREFIX.length))
    .filter((name) => !known.includes(name))
    .map((name) => {
      const close = nearestName(name, known);
      const cure = close ? `; did you mean ${close}?` : '';
      return { annotation: name, message: `annotation ${ANNOTATION_PREFIX}${printable(name, 64)} is not known${cure}` };
    });
}

function readBatchSize(value: string): BatchSize | undefined {
  const percent = /^(\d{1,3})%$/.exec(value)?.[1];
  if (percent !== undefined)
    return Number(percent) >= 1 && Number(percent) <= 100 ? { percent: Number(percent) } : undefined;
  const count = whole(1, 100_000)(value);
  return count === undefined ? undefined : { count };
}
