import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { beforeAll, describe, expect, test } from 'vitest';
import complete from '../../src/cli/complete.ts';
import diff from '../../src/cli/diff.ts';
import history from '../../src/cli/history.ts';
import pause from '../../src/cli/pause.ts';
import reload from '../../src/cli/reload.ts';
import resume from '../../src/cli/resume.ts';
import rollback from '../../src/cli/rollback.ts';
import status from '../../src/cli/status.ts';
import validate from '../../src/cli/validate.ts';
import { contentHash } from '../../src/core/content-hash.ts';
import type { CliCommand } from '../../src/cli/command.ts';
import { captureCommand } from '../cli/capture-command.ts';
import { findOrBuildBinaries } from './binaries.ts';
import { configText, conditionOf, waitForReload } from './config-reload.ts';
import { startController } from './controller-process.ts';
import { createEndpointTargets, TARGET_CIDR, type EndpointTarget } from './endpoint-targets.ts';
import { useCluster } from './use-cluster.ts';

describe('the words that drive it', async () => {
  const cluster = await useCluster();
  const { namespace } = cluster;
  let targets: EndpointTarget[] = [];

  const call = (command: CliCommand, ...argv: string[]) =>
    captureCommand(command, [...argv, '-n', namespace, '--kubeconfig', cluster.kubeconfig]);
  const edit = async (budget: number) => {
    const metadata = { name: 'app', annotations: { 'reload.leindex.io/enabled': 'true' } };
    const data = { 'mcp.yaml': configText(budget) };
    await cluster.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data } as never, namespace);
  };
  const untilRevision = (revision: number) =>
    waitForReload(cluster, { namespace, name: 'app' }, (now) => now.appliedRevision === revision);

  beforeAll(async () => {
    await cluster.apply(readFileSync(new URL('../../deploy/crd.yaml', import.meta.url), 'utf8'));
    targets = await createEndpointTargets(cluster, { namespace, configMap: 'app', count: 2, prefix: 'app' });
    await edit(2048);
    await startController(cluster.kubeconfig, '--namespace', namespace, '--allow-endpoint-cidr', TARGET_CIDR);
    await untilRevision(1);
    await edit(4096);
    await untilRevision(2);
  });

  test('status: a page, a list, and the object', async () => {
    const page = await call(status, 'app');
    expect(page.exitCode).toBe(0);
    expect(page.stdout).toContain('revision 2');
    expect(page.stdout).toContain('2/2 run it');
    expect(page.stdout).toContain('Next: nothing to do.');
    expect(page.stdout).not.toContain('\u001b');
    expect((await call(status)).stdout).toMatch(new RegExp(`^${namespace} +app +True +True +2/2 +2`, 'm'));
    expect(JSON.parse((await call(status, 'app', '-o', 'json')).stdout)).toMatchObject({ kind: 'ConfigReload' });
  });

  test('history: newest first, with author and changes', async () => {
    const lines = (await call(history, 'app')).stdout.split('\n');
    expect(lines[0]).toMatch(/^REVISION +AGE +TRIGGER +RESULT +TOOK +PODS +AUTHOR$/);
    expect(lines[1]).toMatch(/^2 +\d+[smh] +configmap +success +[\d.ms]+ +2\/2 +leindex-reloader-test$/);
    expect(lines[2]).toBe('    memory.total_budget_mb 2048 → 4096');
    expect(lines[3]).toBe('    memory.global_index_mb 512 → 1024');
    expect(lines.at(-2)).toBe('revision 2 runs; it is the last known good');
    const wide = (await call(history, 'app', '-o', 'wide')).stdout.split('\n');
    expect(wide[0]).toMatch(/^REVISION +TIME +TRIGGER +RESULT +REASON +TOOK +PODS +HASH +AUTHOR +CHANGES$/);
    expect(wide[1]).toMatch(/^2 .* 2\/2 +[0-9a-f]{12} +leindex-reloader-test +memory\.total_budget_mb 2048 → 4096, /);
    expect(JSON.parse((await call(history, 'app', '-o', 'json', '--limit', '1')).stdout)).toMatchObject([
      { revision: 2, result: 'success', author: 'leindex-reloader-test', targets: { reloaded: 2, total: 2 } },
    ]);
    const inYaml = parse((await call(history, 'app', '-o', 'yaml')).stdout) as { revision: number }[];
    expect(inYaml.map(({ revision }) => revision)).toEqual([2, 1]);
  });

  test('status: wide, yaml, and -A over namespaces', async () => {
    const wide = (await call(status, 'app', '-o', 'wide')).stdout;
    expect(wide).toMatch(/POD +CONTAINER +RESULT +REASON +STRATEGY +HASH +TIME +MESSAGE/);
    expect(wide).toMatch(/revision 2 \(sha256:[0-9a-f]{64}\)/);
    expect((await call(status, '-o', 'wide')).stdout).toMatch(/REVISION +HASH +LAST RELOAD +REASON +MESSAGE/);
    expect(parse((await call(status, 'app', '-o', 'yaml')).stdout)).toMatchObject({ kind: 'ConfigReload' });
    expect(parse((await call(status, '-o', 'yaml')).stdout)).toMatchObject({ kind: 'List', items: [{}] });
    const other = await cluster.createNamespace();
    const spec = { configMapName: 'elsewhere' };
    const object = {
      apiVersion: 'reload.leindex.io/v1alpha1',
      kind: 'ConfigReload',
      metadata: { name: 'elsewhere' },
      spec,
    };
    await cluster.apply(object as never, other);
    const all = (await captureCommand(status, ['-A', '--kubeconfig', cluster.kubeconfig])).stdout;
    expect(all).toMatch(new RegExp(`^${namespace} +app `, 'm'));
    expect(all).toMatch(new RegExp(`^${other} +elsewhere `, 'm'));
    expect((await call(status)).stdout).not.toContain('elsewhere');
    expect((await captureCommand(status, ['-n', 'none-here', '--kubeconfig', cluster.kubeconfig])).stdout).toBe(
      'no ConfigMap has opted in in namespace none-here\n',
    );
  });

  test('validate: the text of a ConfigMap of the cluster, as of a file', async () => {
    const good = await call(validate, 'app');
    expect(good).toMatchObject({ exitCode: 0, stderr: '' });
    expect(good.stdout).toBe(`ConfigMap ${namespace}/app, key mcp.yaml: valid ${contentHash(configText(4096))}\n`);
    const data = { one: 'version: "2.0"\nmemory: {total_budget_mb: 1}\nprojects: {}\nperformance: {}\n', two: configText(512) };
    await cluster.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'stranger' }, data } as never, namespace);
    const bad = await call(validate, 'stranger', '--key', 'one');
    expect(bad).toMatchObject({ exitCode: 1, stdout: expect.stringMatching(/key one:2:\d+: error: /) });
    expect((await call(validate, 'configmap/stranger', '--key', 'two')).exitCode).toBe(0);
    const none = await call(validate, 'stranger', '--key', 'three', '-o', 'json');
    expect(none.exitCode).toBe(1);
    expect(JSON.parse(none.stdout)).toMatchObject([{ valid: false, hash: null, violations: [{ rule: 'key-missing' }] }]);
    const other = await cluster.createNamespace();
    const annotations = { 'reload.leindex.io/enabled': 'true', 'reload.leindex.io/timeout': '5x', 'reload.leindex.io/key': 'two' };
    await cluster.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'misread', annotations }, data } as never, other);
    const misread = await captureCommand(validate, ['configmap/misread', '-n', other, '--kubeconfig', cluster.kubeconfig]);
    expect(misread).toMatchObject({ exitCode: 1, stdout: expect.stringContaining('reload.leindex.io/timeout: "5x" cannot be read') });
    expect(misread.stdout).toContain('key two: invalid: 1 violation');
    expect(await call(validate, 'nowhere')).toMatchObject({ exitCode: 3, stderr: expect.stringContaining('there is no ConfigMap') });
  }); // prettier-ignore

  test('diff: two revisions, by number, word and hash; the live text; a file', async () => {
    const hash = contentHash(configText(2048)).slice('sha256:'.length);
    const heads = (from: string, to: string) => `--- ${from}\n+++ ${to}\n`;
    const one = `revision 1 of ${namespace}/app`;
    const two = `revision 2 of ${namespace}/app`;
    const change = 'memory.total_budget_mb: 2048 → 4096\nmemory.global_index_mb: 512 → 1024\n';
    for (const from of ['1', 'previous', hash.slice(0, 12), `sha256:${hash}`]) {
      expect((await call(diff, 'app', '--from', from, '--to', '2')).stdout).toBe(heads(one, two) + change);
    }
    const live = `ConfigMap ${namespace}/app, key mcp.yaml`;
    expect((await call(diff, 'app', '--from', 'previous')).stdout).toBe(heads(one, live) + change);
    expect((await call(diff, 'app')).stdout).toBe(`${heads(two, live)}no effective value differs\n`);
    const file = join(mkdtempSync(join(tmpdir(), 'leindex-cli-')), 'next.yaml');
    writeFileSync(file, configText(8192));
    expect((await call(diff, 'app', file)).stdout).toContain('memory.total_budget_mb: 4096 → 8192');
    expect(await call(diff, 'app', '--from', '77')).toMatchObject({ exitCode: 3, stderr: expect.stringContaining('revision 77') });
    expect(await call(diff, 'app', '--from', 'abcdef')).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('no revision') });
    expect(await call(diff, 'app', '--from', 'x')).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('give a number') });
  }); // prettier-ignore

  test('--no-wait asks only, --timeout ends the wait but not the reload', async () => {
    const before = targets[0]!.ledger.length;
    const asked = await call(reload, 'app', '--no-wait');
    expect(asked).toMatchObject({ exitCode: 0, stdout: `${namespace}/app: reload requested\n` });
    await expect.poll(() => targets[0]!.ledger.length, { timeout: 20_000 }).toBeGreaterThan(before);
    let release: () => void = () => undefined;
    targets[0]!.behaviour = (...call) => {
      release = () => targets[0]!.answer(...call);
    };
    const late = await call(reload, 'app', '--timeout', '1s');
    targets[0]!.behaviour = undefined;
    release();
    expect(late).toMatchObject({ exitCode: 3, stderr: expect.stringMatching(/has not ended yet \(after 1s\)/) });
    expect((await call(reload, 'app')).exitCode).toBe(0);
    expect(await call(reload, 'app', '--timeout', 'soon')).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('as in 500ms') });
  }); // prettier-ignore

  test('completion: names of sources, revisions and namespaces', async () => {
    const words = async (...typed: string[]) => (await captureCommand(complete, typed)).stdout.split('\n').map((line) => line.split('\t')[0]);
    const where = ['-n', namespace, '--kubeconfig', cluster.kubeconfig];
    expect(await words('status', ...where, '')).toEqual(['app', ':4', '']);
    expect(await words('pause', ...where, 'app', '')).toEqual([':4', '']);
    expect(await words('rollback', ...where, 'app', '--to', '')).toEqual(['2', '1', ':36', '']);
    expect(await words('status', '--kubeconfig', cluster.kubeconfig, `--namespace=${namespace}`)).toEqual([`--namespace=${namespace}`, ':4', '']);
  }); // prettier-ignore

  test('kubectl completes the plugin by the hook', async () => {
    const { kubectl } = await findOrBuildBinaries(['kubectl']);
    const folder = mkdtempSync(join(tmpdir(), 'leindex-plugin-'));
    const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
    for (const name of ['kubectl-leindex', 'kubectl_complete-leindex']) {
      // Two links as people make them, started by the Node that runs the tests.
      symlinkSync(main, join(folder, `${name}.js`));
      writeFileSync(join(folder, name), `#!/bin/sh\nexec ${process.execPath} ${join(folder, `${name}.js`)} "$@"\n`, { mode: 0o755 });
    }
    const env = { ...process.env, PATH: `${folder}:${process.env['PATH']}`, KUBECONFIG: cluster.kubeconfig };
    const ask = (...words: string[]) => execFileSync(kubectl, ['__complete', 'leindex', ...words], { env, encoding: 'utf8' });
    expect(ask('rol')).toContain('rollback\tgo back to an earlier revision\n');
    expect(ask('status', '-n', namespace, '')).toMatch(/^app$/m);
  }); // prettier-ignore

  test('-o json --watch of what is at rest: the object, once', async () => {
    const { stdout } = await call(status, 'app', '-o', 'json', '--watch');
    expect(JSON.parse(stdout)).toMatchObject({ metadata: { name: 'app' }, status: { appliedRevision: 2 } });
  });

  test('reload: every target is told again, and the call waits for it', async () => {
    const before = targets.map(({ ledger }) => ledger.length);
    const { exitCode, stdout } = await call(reload, 'app');
    expect({ exitCode, stdout }).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('2/2 targets') });
    targets.forEach(({ ledger }, index) => expect(ledger.length).toBeGreaterThan(before[index]!));
  });

  test('reload: ends with 1 and names the pod where one fails', async () => {
    targets[1]!.behaviour = (_request, response) => response.writeHead(401).end();
    const { exitCode, stderr } = await call(reload, 'app');
    targets[1]!.behaviour = undefined;
    expect({ exitCode, stderr }).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('EndpointUnauthorized'),
    });
    expect((await call(status, 'app')).stdout).toMatch(/app-1 +\S+ +io_error +EndpointUnauthorized/);
    expect((await call(reload, 'app')).exitCode).toBe(0);
  });

  test('rollback: to the previous revision, then diff shows what waits in the ConfigMap', async () => {
    const { exitCode, stdout, stderr } = await call(rollback, 'app');
    expect({ exitCode, stdout, stderr }).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('RolledBack') });
    expect((await untilRevision(1)).rollback).toMatchObject({ cause: 'asked', toRevision: 1 });
    expect((await call(diff, 'app')).stdout).toContain('memory.total_budget_mb: 2048 → 4096');
    expect((await call(rollback, 'app', '--to', '1')).stdout).toContain('runs already');
  });

  test('pause and resume: an edit waits meanwhile', async () => {
    expect((await call(pause, 'app')).exitCode).toBe(0);
    await edit(8192);
    await waitForReload(
      cluster,
      { namespace, name: 'app' },
      (now) => conditionOf(now, 'Progressing') === 'False Paused',
    );
    expect((await call(status, 'app')).stdout).toContain('Next: `resume');
    expect((await call(reload, 'app')).exitCode).toBe(1);
    expect((await call(resume, 'app')).exitCode).toBe(0);
    await untilRevision(3);
  });

  test('says what is wrong: no such ConfigMap, not opted in, no cluster, no such context', async () => {
    expect(await call(status, 'nothing')).toMatchObject({
      exitCode: 3,
      stderr: `there is no ConfigMap ${namespace}/nothing; name its namespace with -n`,
    });
    await cluster.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'plain' } } as never, namespace);
    const plain = await call(pause, 'plain');
    expect(plain).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('has not opted in') });
    const lost = await captureCommand(status, ['app', '--kubeconfig', '/nowhere']);
    expect(lost).toMatchObject({ exitCode: 3, stderr: expect.stringContaining('--kubeconfig') });
    expect(await call(status, 'app', '--context', 'nowhere')).toMatchObject({ exitCode: 3 });
    expect((await captureCommand(status, ['app', '-A'])).exitCode).toBe(2);
  });
});
