import { signalCommand } from '../src/kube/signal-script.ts';

/** One check of a ValidatingAdmissionPolicy, in CEL, over PodExecOptions. */
export interface GuardRule {
  readonly expression: string;
  readonly message: string;
}

const example = signalCommand({
  file: '/f',
  hash: `sha256:${'0'.repeat(64)}`,
  signal: 'SIGHUP',
  process: undefined,
  waitMs: 0,
  startedAt: undefined,
});
const fixed = example.slice(0, 4);

/** What each argument after the fixed four may be: what `signalCommand` can make, and nothing else. */
const ARGUMENTS: readonly (readonly [what: string, pattern: string])[] = [
  ['file', '^/[^\\x00-\\x1f]*$'],
  ['sha256', '^[0-9a-f]{64}$'],
  ['signal', '^(HUP|USR1|USR2)$'],
  ['signal number', '^(1|10|12)$'],
  ['process', '^[A-Za-z0-9._-]{0,15}$'],
  ['wait', '^[0-9]{1,6}$'],
  ['start', '^[0-9]{1,12}$'],
];

/** The exec guard's checks: the one command of `src/kube/signal-script.ts`, word for word, and arguments that it can have. */
export function execGuardRules(): readonly GuardRule[] {
  if (example.length !== fixed.length + ARGUMENTS.length) throw new Error('the signal command has other arguments now');
  return [
    {
      expression: `has(object.command) && object.command.size() == ${example.length}`,
      message: 'leindex-reloader may run its fixed command alone',
    },
    {
      expression: fixed.map((word, index) => `object.command[${index}] == ${quote(word)}`).join(' && '),
      message: 'leindex-reloader may run its fixed script alone',
    },
    {
      expression: ARGUMENTS.map(
        ([, pattern], index) => `object.command[${fixed.length + index}].matches(${quote(pattern)})`,
      ).join(' && '),
      message: `leindex-reloader may give its script these arguments alone: ${ARGUMENTS.map(([what]) => what).join(', ')}`,
    },
    {
      expression: '!(has(object.stdin) && object.stdin) && !(has(object.tty) && object.tty)',
      message: 'leindex-reloader sends nothing to the standard input of a container',
    },
  ];
}

/** A CEL string; its escapes are a superset of JSON's. */
function quote(text: string): string {
  return JSON.stringify(text);
}
