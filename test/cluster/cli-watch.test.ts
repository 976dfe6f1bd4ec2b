import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import status from '../../src/cli/status.ts';
import { captureCommand } from '../cli/capture-command.ts';
import { Terminal } from '../cli/terminal.ts';
import { configText, waitForReload } from './config-reload.ts';
import { startController } from './controller-process.ts';
import { createEndpointTargets, TARGET_CIDR, type EndpointTarget } from './endpoint-targets.ts';
import { useCluster } from './use-cluster.ts';

const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts');

/** One rollout a test: five targets, one canary, then two waves of two; each answers when the test lets it. */
describe('a rollout that is watched', async () => {
  const cluster = await useCluster();
  const { namespace } = cluster;
  const source = { namespace, name: 'app' };
  let targets: EndpointTarget[] = [];
  let budget = 2048;
  const held: (() => void)[] = [];
  const terminals: Terminal[] = [];

  const flags = ['-n', namespace, '--kubeconfig', cluster.kubeconfig];
  const openTerminal = (words: string, options?: ConstructorParameters<typeof Terminal>[1]) => {
    const terminal = new Terminal(`${process.execPath} ${main} ${words} ${flags.join(' ')}`, options);
    terminals.push(terminal);
    return terminal;
  };
  const edit = async () => {
    budget += 1024;
    const asked = { enabled: 'true', canary: '1', 'batch-size': '2' };
    const annotations = Object.fromEntries(Object.entries(asked).map(([key, value]) => [`reload.leindex.io/${key}`, value]));
    const data = { 'mcp.yaml': configText(budget) };
    await cluster.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'app', annotations }, data } as never, namespace);
  }; // prettier-ignore
  const hold = () => {
    for (const target of targets) {
      target.behaviour = (request, response, body) => {
        const { hash, force } = JSON.parse(body) as { hash: string; force?: boolean };
        // The question after the soak time, whether it still runs there.
        if (hash === target.running && force !== true) target.answer(request, response, body);
        else held.push(() => target.answer(request, response, body));
      };
    }
  };
  const letGo = () => {
    for (const target of targets) target.behaviour = undefined;
    for (const answer of held.splice(0)) answer();
  };
  const untilHeld = (count: number) => expect.poll(() => held.length, { timeout: 20_000 }).toBe(count);

  beforeAll(async () => {
    await cluster.apply(readFileSync(new URL('../../deploy/crd.yaml', import.meta.url), 'utf8'));
    targets = await createEndpointTargets(cluster, { namespace, configMap: 'app', count: 5, prefix: 'app' });
    await edit();
    await startController(
      ...([cluster.kubeconfig, '--namespace', namespace, '--allow-endpoint-cidr', TARGET_CIDR, '--soak', '200ms'] as const),
    );
    await waitForReload(cluster, source, ({ appliedRevision }) => appliedRevision === 1);
  }); // prettier-ignore

  afterEach(async () => {
    letGo();
    await Promise.all(terminals.splice(0).map((terminal) => terminal.close()));
    await waitForReload(cluster, source, ({ desiredHash, appliedHash }) => desiredHash === appliedHash);
  });

  test('on a terminal: in place, through a resize, to the final page', async () => {
    hold();
    await edit();
    await untilHeld(1);
    const terminal = openTerminal('status app --watch');
    await terminal.until('the canary is waited for', ({ text }) => /canary {3}0\/1 +\[-{20}\]/.test(text));
    expect(terminal.text).toContain('revision 2, 0/5 targets run it');
    expect(terminal.text).toMatch(/wave 1 {3}0\/2 .*\n {2}wave 2 {3}0\/2 .*\n {2}waiting {2}app-0\/\S+, app-1/);
    held.shift()?.();
    await untilHeld(2);
    await terminal.until('wave 1 is waited for', ({ text }) => /canary {3}1\/1 +\[#{20}\]/.test(text));
    await terminal.resize(40, 12);
    await terminal.until('it is drawn for the new size', ({ lines }) => lines.some((line) => /^ {2}waiting .*…$/.test(line)));
    held.shift()?.();
    await terminal.until('half of wave 1 is done', ({ text }) => /wave 1 {3}1\/2 +\[#{10}-+…/.test(text));
    // Drawn over, not one below the other, also where the terminal had wrapped what it showed before.
    expect(terminal.lines.filter((line) => line.includes('canary'))).toHaveLength(1);
    expect(terminal.lines.filter((line) => line.includes('waiting'))).toHaveLength(1);
    await terminal.resize(80, 24);
    letGo();
    expect(await terminal.ended()).toBe(0);
    expect(terminal.lines[0]).toBe(`${namespace}/app`);
    expect(terminal.text).toContain('5/5 run it');
    expect(terminal.text).not.toMatch(/canary|waiting {2}/);
    expect(terminal.output).not.toContain('\u001b[?25l');
  }, 60_000); // prettier-ignore

  test('elsewhere: a line for each change, and the outcome', async () => {
    hold();
    await edit();
    await untilHeld(1);
    const watching = captureCommand(status, ['app', '--watch', ...flags]);
    for (const count of [1, 2, 2]) {
      await untilHeld(count);
      for (const answer of held.splice(0)) answer();
    }
    const { exitCode, stdout, stderr } = await watching;
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    const lines = stdout.trimEnd().split('\n');
    expect(new Set(lines).size).toBe(lines.length);
    expect(lines.at(-1)).toBe(`${namespace}/app: Reloaded: 5/5 targets run revision 3`);
    for (const line of lines.slice(0, -1)) expect(line).toMatch(/^\S+\/app: (revision 3, \d\/5 targets run it|bringing \d)/);
    expect(stdout).not.toContain('\u001b');
  }, 60_000); // prettier-ignore

  test('a halted rollout ends with 1 and says which pod failed', async () => {
    targets[0]!.behaviour = (_request, response) => response.writeHead(401).end();
    await edit();
    const { exitCode, stdout } = await captureCommand(status, ['app', '--watch', ...flags]);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/RolloutHalted: 0\/5 targets run revision 4; halted/);
    expect(stdout).toMatch(/^ {2}app-0\/\S+: EndpointUnauthorized/m);
    const terminal = openTerminal('status app --watch');
    expect(await terminal.ended()).toBe(1);
    expect(terminal.text).toContain('RolloutHalted');
    expect(terminal.text).toContain('Next: correct the ConfigMap');
    expect(terminal.hasWrapped).toBe(true);
    targets[0]!.behaviour = undefined;
    expect(await openTerminal('reload app').ended()).toBe(0);
  }, 60_000);

  test('control-C leaves the rollout alone, and the terminal as it was', async () => {
    hold();
    await edit();
    const terminal = openTerminal('status app --watch');
    await terminal.until('the canary is waited for', ({ text }) => text.includes('canary'));
    terminal.type('\u0003');
    expect(await terminal.ended()).toBe(3);
    expect(terminal.text).toContain('has not ended yet (interrupted); it goes on without you');
    expect(terminal.text).not.toContain('canary');
    const late = await captureCommand(status, ['app', '--watch', '--timeout', '500ms', ...flags]);
    expect(late).toMatchObject({ exitCode: 3, stderr: expect.stringContaining('has not ended yet (after 500ms)') });
  }, 60_000);

  test('reload on a terminal: progress, then one line', async () => {
    hold();
    const terminal = openTerminal('reload app');
    await terminal.until('the canary is waited for', ({ text }) => text.includes('canary   0/1'));
    letGo();
    expect(await terminal.ended()).toBe(0);
    expect(terminal.text).toBe(`${namespace}/app: Reloaded: 5/5 targets run revision 5`);
  }, 60_000);

  test('all sources: a table in place, or a line for each that changes, until it is interrupted', async () => {
    const terminal = openTerminal('status --watch');
    await terminal.until('the table is there', ({ text }) => /^NAMESPACE +NAME[^]*app +True +True +5\/5 +5/.test(text));
    const stop = new AbortController();
    const watching = captureCommand(status, ['--watch', ...flags], { signal: stop.signal });
    await edit();
    await terminal.until('the table has changed', ({ text }) => /app +True +True +5\/5 +6/.test(text));
    expect(terminal.lines).toHaveLength(2);
    terminal.type('\u0003');
    expect(await terminal.ended()).toBe(0);
    stop.abort();
    const { exitCode, stdout } = await watching;
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^\S+\/app: Reloaded=True Reloaded: 5\/5 targets run revision [56]$/m);
  }, 60_000);

  test('colours: on a terminal, not for NO_COLOR, a dumb one, or a pipe', async () => {
    const colour = '\u001b[3';
    const shown = async (env?: Record<string, string>) => {
      const terminal = openTerminal('status app', env ? { env } : {});
      expect(await terminal.ended()).toBe(0);
      return terminal;
    };
    const plain = await shown({ NO_COLOR: '1' });
    const coloured = await shown();
    expect(coloured.output).toContain(colour);
    expect(plain.output).not.toContain('\u001b');
    expect((await shown({ TERM: 'dumb' })).output).not.toContain(colour);
    expect(coloured.text).toBe(plain.text);
  }, 60_000);
});
