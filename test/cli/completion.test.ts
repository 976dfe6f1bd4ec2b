import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import complete from '../../src/cli/complete.ts';
import { shownCommands } from '../../src/cli/commands.ts';
import { completionScripts } from '../../src/cli/completion-scripts.ts';
import { isHookName } from '../../src/cli/program-name.ts';
import { findCommand } from '../cluster/find-command.ts';
import { captureCommand } from './capture-command.ts';
import { Terminal } from './terminal.ts';

const folder = mkdtempSync(join(tmpdir(), 'leindex-completion-'));
const home = join(folder, 'home');
const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts');
mkdirSync(home);
// A kubeconfig without a cluster: completion must be silent about it.
writeFileSync(
  join(home, 'config'),
  'apiVersion: v1\nkind: Config\ncontexts: [{name: "arn:aws:one", context: {cluster: c1}}, {name: two, context: {cluster: c2}}]\nclusters: [{name: c1, cluster: {server: "https://127.0.0.1:9"}}]\ncurrent-context: two\n',
);
writeFileSync(join(home, 'leindex.yaml'), '');
writeFileSync(join(folder, 'leindex-reloader'), `#!/bin/sh\nexec ${process.execPath} ${main} "$@"\n`);
chmodSync(join(folder, 'leindex-reloader'), 0o755);
afterAll(() => rmSync(folder, { recursive: true }));

const env = { PATH: `${folder}:${process.env['PATH']}`, HOME: home, KUBECONFIG: join(home, 'config') };
const ask = async (...words: string[]) => (await captureCommand(complete, words)).stdout.trimEnd().split('\n');

describe('leindex-reloader __complete', () => {
  test('lists every subcommand that help lists, with what it does, and none of the hidden ones', async () => {
    const expected = shownCommands.map(([name, { summary }]) => `${name}\t${summary}`);
    expect(await ask('')).toEqual([...expected, ':4']);
  });

  test.each([
    ['a beginning', ['re'], ['reload', 'resume', ':4']],
    ['flags that are not there yet', ['status', '--watch', '--'], ['--all-namespaces', '--output', '--timeout', '--namespace', '--kubeconfig', '--context', '--help', ':4']],
    ['values of a flag', ['status', '-o', ''], ['text', 'wide', 'json', 'yaml', ':4']],
    ['values after =', ['manager', '--signal=SIGU'], ['--signal=SIGUSR1', '--signal=SIGUSR2', ':4']],
    ['values after a short flag', ['status', '-oj'], ['-ojson', ':4']],
    ['values of an argument', ['completion', 'f'], ['fish', ':4']],
    ['files for a flag that takes one', ['manager', '--config', ''], [':0']],
    ['nothing for a value that only a person knows', ['reload', '--timeout', ''], [':4']],
    ['nothing after an unknown subcommand', ['nonsense', ''], [':4']],
    ['nothing after the hidden subcommand', ['__complete', ''], [':4']],
    ['nothing where no argument fits', ['crd', ''], [':4']],
  ])('%s', async (_, words, expected) => {
    const shown = (await ask(...words)).map((line) => line.split('\t')[0]);
    expect(shown).toEqual(expected);
  }); // prettier-ignore
});

test('a link of the name that kubectl calls completes without a word for it', () => {
  const hook = join(folder, 'kubectl_complete-leindex');
  symlinkSync(main, hook);
  expect(execFileSync(process.execPath, [hook, 'rol'], { encoding: 'utf8' })).toBe(
    'rollback\tgo back to an earlier revision\n:4\n',
  );
  expect(isHookName('/usr/bin/kubectl-leindex')).toBe(false);
});

/** Each types a line and a tab into the real shell, and says what stands on the command line then, or is offered below. */
const shells: Record<string, { start: string; load: string }> = {
  bash: {
    start: 'bash --norc --noprofile -i',
    load: "PS1='$ '; bind 'set show-all-if-ambiguous on'; source <(leindex-reloader completion bash)",
  },
  zsh: {
    start: 'zsh -f -i',
    load: "PS1='$ '; autoload -U compinit; compinit -u -D; source <(leindex-reloader completion zsh)",
  },
};
const missing = [...Object.keys(shells), 'fish'].filter((shell) => findCommand(shell) === undefined);
if (missing.length > 0)
  console.warn(`SKIPPED: completion in ${missing.join(', ')}: not installed (npm test gets them)`);

describe.each(Object.entries(shells))('in a real %s', (shell, { start, load }) => {
  const open: Terminal[] = [];
  afterEach(() => Promise.all(open.splice(0).map((terminal) => terminal.close())));

  test.skipIf(missing.includes(shell))(
    'completes subcommands, flags, values and files',
    async () => {
      const terminal = new Terminal(start, { env });
      open.push(terminal);
      terminal.type(`cd; ${load}; echo lo''aded\n`);
      await terminal.until('the script is loaded', ({ lines }) => lines.includes('loaded'));
      const typed = async (line: string, then: (screen: Terminal) => boolean) => {
        terminal.type(line);
        await terminal.until(`${JSON.stringify(line)} is completed`, then);
        terminal.type('\u0015'); // control-U empties the line
      };
      await typed('leindex-reloader rol\t', ({ text }) => text.includes('$ leindex-reloader rollback'));
      await typed('leindex-reloader re\t\t', ({ text }) => /reload\b[^]*resume\b/.test(text));
      await typed('leindex-reloader status --out\t', ({ text }) => text.includes('$ leindex-reloader status --output'));
      await typed('leindex-reloader status -o ya\t', ({ text }) => text.includes('$ leindex-reloader status -o yaml'));
      await typed('leindex-reloader status --output=wi\t', ({ text }) => text.includes('status --output=wide'));
      await typed('leindex-reloader status --context a\t', ({ text }) => /--context arn\\?:aws\\?:one/.test(text));
      await typed('leindex-reloader manager --config lei\t', ({ text }) => text.includes('--config leindex.yaml'));
      await typed('leindex-reloader validate lei\t', ({ text }) => text.includes('validate leindex.yaml'));
    },
    60_000,
  );
});

describe('in a real fish', () => {
  const offered = (line: string) => {
    writeFileSync(join(folder, 'completion.fish'), completionScripts.fish);
    const script = `source ${join(folder, 'completion.fish')}; cd ${home}; complete -C '${line}'`;
    const text = execFileSync('fish', ['--no-config', '-c', script], { env: { ...process.env, ...env }, encoding: 'utf8' });
    return text.trimEnd().split('\n').map((one) => one.split('\t')[0]);
  }; // prettier-ignore

  test.skipIf(missing.includes('fish')).each([
    ['leindex-reloader re', ['reload', 'resume']],
    ['leindex-reloader status --outp', ['--output']],
    ['leindex-reloader status -o ', ['text', 'wide', 'json', 'yaml']],
    ['leindex-reloader status --output=wi', ['--output=wide']],
    ['leindex-reloader status --context ', ['arn:aws:one', 'two']],
    ['leindex-reloader manager --config lei', ['leindex.yaml']],
  ])('%s', (line, expected) => {
    expect(offered(line)).toEqual(expected);
  });
});
