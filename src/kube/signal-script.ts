import type { ReloadSignal } from '../core/annotations.ts';

/** How long the script watches the process after the signal, milliseconds. */
export const SETTLE_MS = 300;
/** A process younger than this may still be about to catch its signals, seconds. */
const STARTING_S = 30;

/**
 * The one command that is ever run in a container: fixed text, values as arguments, POSIX sh and one of
 * sha256sum, busybox or openssl. It waits for the file, checks that the process catches the signal, signals it,
 * and looks whether it lives. It bounds itself, since closing an exec does not end what runs.
 *
 * Arguments: file · sha256 hex · signal name without SIG · signal number · process name or empty · tenths of a second to
 * wait for the file · container start in seconds since 1970, or 0 where the container must be signalled in any case.
 *
 * It prints one line, `leindex-reloader <word> <sha256 of the file> <detail>`.
 * `fresh`: the file had its text in a second before the one in which the container started, so the process read it itself. Both
 * times were taken by the node's clock when it happened, so a later step of the clock cannot deceive.
 * `debugger`: the process is Node.js, which catches SIGUSR1 to open its debugger to all who reach the pod's 127.0.0.1. Newer versions
 * name the thread that does it, older ones name all of their threads as the program.
 * `starting`: what is missing now may come, since the process (or process 1, where none has the name) has just begun.
 */
const SCRIPT = `
file=$1 want=$2 signal=$3 number=$4 name=$5 wait=$6 started=$7
say() { echo "leindex-reloader $1 \${have:--} $2"; exit 0; }
nap() { sleep "$1" 2>/dev/null || sleep 1; }
sum() {
  if command -v sha256sum >/dev/null 2>&1; then sha256sum <"$file"
  elif command -v busybox >/dev/null 2>&1; then busybox sha256sum <"$file"
  elif command -v openssl >/dev/null 2>&1; then openssl dgst -sha256 -r <"$file"
  else echo none; fi
}
look() { have=-; [ -r "$file" ] || return 1; have=$(sum 2>/dev/null); have=\${have%% *}; [ "$have" = "$want" ]; }
until look; do
  [ "$have" = none ] && say no-hash-tool
  if [ "$wait" -le 0 ]; then [ "$have" = - ] && say missing; say stale; fi
  wait=$((wait - 1)); nap 0.1
done
if [ "$started" -gt 0 ]; then
  written=$(stat -L -c %Y "$file" 2>/dev/null || busybox stat -L -c %Y "$file" 2>/dev/null || echo 9999999999)
  [ "$written" -lt "$started" ] && say fresh
fi
or_starting() {
  IFS=' ' read -r up idle </proc/uptime
  age=$((\${up%%.*} - born / 100))
  [ "$age" -ge 0 ] && [ "$age" -lt ${STARTING_S} ] && say starting "$pid"
  say "$1" "$pid"
}
birth() { IFS= read -r stat <"/proc/$1/stat" || return 1; set -- \${stat##*) }; state=$1 born=\${20}; }
pid=1
if [ -n "$name" ]; then
  pid=
  for folder in /proc/[0-9]*; do
    { IFS= read -r comm <"$folder/comm"; } 2>/dev/null || continue
    [ "$comm" = "$name" ] || continue
    birth "\${folder#/proc/}" 2>/dev/null || continue
    if [ -z "$pid" ] || [ "$born" -lt "$first" ]; then pid=\${folder#/proc/} first=$born; fi
  done
  [ -n "$pid" ] || { birth 1 2>/dev/null && or_starting no-process; say no-process; }
fi
birth "$pid" 2>/dev/null || say no-process
before=$born caught=0
while IFS=':	 ' read -r field value; do [ "$field" = SigCgt ] && caught=$value; done <"/proc/$pid/status"
caught=\${caught#\${caught%????}}
[ $((0x$caught >> (number - 1) & 1)) -eq 1 ] || or_starting unhandled
if [ "$signal" = USR1 ]; then
  for task in /proc/$pid/task/*/comm; do
    { IFS= read -r comm <"$task"; } 2>/dev/null || continue
    case $comm in node|nodejs|SignalInspector) say debugger "$pid" ;; esac
  done
fi
kill -s "$signal" "$pid" 2>/dev/null || say not-permitted "$pid"
nap ${SETTLE_MS / 1000}
{ birth "$pid" && [ "$born" = "$before" ] && [ "$state" != Z ] && [ "$state" != X ]; } 2>/dev/null || say crashed "$pid"
say signalled "$pid"
`.trim();

const NUMBERS: Readonly<Record<ReloadSignal, number>> = { SIGHUP: 1, SIGUSR1: 10, SIGUSR2: 12 };

export interface ScriptArguments {
  readonly file: string;
  /** `sha256:<hex>` */
  readonly hash: string;
  readonly signal: ReloadSignal;
  readonly process: string | undefined;
  /** How long the file may take to get the text, milliseconds. */
  readonly waitMs: number;
  /** When the container started, milliseconds since 1970; undefined: signal it in any case. */
  readonly startedAt: number | undefined;
}

export type ScriptWord =
  | 'stale'
  | 'missing'
  | 'no-hash-tool'
  | 'fresh'
  | 'no-process'
  | 'starting'
  | 'unhandled'
  | 'debugger'
  | 'not-permitted'
  | 'crashed'
  | 'signalled';
const WORDS: readonly ScriptWord[] = [
  'stale',
  'missing',
  'no-hash-tool',
  'fresh',
  'no-process',
  'starting',
  'unhandled',
  'debugger',
  'not-permitted',
  'crashed',
  'signalled',
];

export interface ScriptAnswer {
  readonly word: ScriptWord;
  /** `sha256:<hex>` of the file as it is; null where it could not be read. */
  readonly hash: string | null;
}

/** `sh -c <fixed script>` with the values as arguments. */
export function signalCommand(given: ScriptArguments): readonly string[] {
  return [
    'sh',
    '-c',
    SCRIPT,
    'leindex-reloader',
    given.file,
    given.hash.replace(/^sha256:/, ''),
    given.signal.replace(/^SIG/, ''),
    String(NUMBERS[given.signal]),
    given.process ?? '',
    String(Math.max(0, Math.floor(given.waitMs / 100))),
    String(given.startedAt === undefined ? 0 : Math.floor(given.startedAt / 1000)),
  ];
}

/** undefined where the container's shell answered with something else. */
export function readAnswer(stdout: string): ScriptAnswer | undefined {
  const match = /^leindex-reloader (\S+) (\S+)/m.exec(stdout);
  const word = WORDS.find((known) => known === match?.[1]);
  if (!word) return undefined;
  const hex = match?.[2] ?? '';
  return { word, hash: /^[0-9a-f]{64}$/.test(hex) ? `sha256:${hex}` : null };
}
