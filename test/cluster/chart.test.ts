import { KubeConfig } from '@kubernetes/client-node';
import { beforeAll, describe, expect, test } from 'vitest';
import { contentHash } from '../../src/core/content-hash.ts';
import { signalCommand } from '../../src/kube/signal-script.ts';
import { find, renderChart, valueSets, type Rendered } from '../chart/render-chart.ts';
import { requestExec } from './request-exec.ts';
import { useCluster } from './use-cluster.ts';
import { waitUntil } from './wait-until.ts';

const cluster = await useCluster();
const { namespace } = cluster;

/** Not in a plain API server: their kinds belong to the Prometheus operator and to cert-manager. */
const isForeign = ({ apiVersion }: Rendered) => /^(monitoring\.coreos\.com|cert-manager\.io)\/v1$/.test(apiVersion);

/** A dry run makes no account, and without its account a pod is refused before anything is looked at. */
function inThisNamespace(object: Rendered): Rendered {
  const place = object.metadata.namespace === undefined ? {} : { namespace };
  const spec = object.kind === 'Pod' ? { spec: { ...object['spec'], serviceAccountName: 'default' } } : {};
  return { ...object, ...spec, metadata: { ...object.metadata, ...place } };
}

describe('every object is one that the API server takes, without an unknown field', () => {
  const dryRun = (objects: readonly object[]) =>
    cluster.kubectlApply(objects.map((object) => JSON.stringify(object)).join('\n---\n'), ...dryRunFlags);
  const dryRunFlags = ['--server-side', '--dry-run=server', '--force-conflicts', '--validate=strict'];

  test.each(Object.entries(valueSets))('%s', async (_name, values) => {
    const objects = (await renderChart(values, namespace)).filter((object) => !isForeign(object)).map(inThisNamespace);
    expect((await dryRun(objects)).trim().split('\n')).toHaveLength(objects.length);
  });

  test('and it refuses one with an unknown field', async () => {
    const service = inThisNamespace(find(await renderChart(), 'Service'));
    await expect(dryRun([{ ...service, spec: { ...service['spec'], sprc: 1 } }])).rejects.toThrow(/sprc/);
  });
});

describe('the exec guard', () => {
  const asController = new KubeConfig();
  const command = signalCommand({
    file: '/etc/leindex/mcp config.yaml',
    hash: contentHash('text'),
    signal: 'SIGUSR1',
    process: 'leindex',
    waitMs: 5_000,
    startedAt: Date.now(),
  });
  const attempt = (words: readonly string[], extra = '') =>
    requestExec(asController, { namespace, pod: 'victim', query: extra, command: words });
  const other = (index: number, word: string) => command.with(index, word);

  beforeAll(async () => {
    const objects = await renderChart({ watch: { namespaces: [namespace] } }, namespace);
    const wanted = /^(ServiceAccount|Role|RoleBinding|ValidatingAdmissionPolicy|ValidatingAdmissionPolicyBinding)$/;
    for (const object of objects) {
      if (!wanted.test(object.kind) || object.metadata.annotations?.['helm.sh/hook']) continue;
      await cluster.apply(object as never);
    }
    const pod = { metadata: { name: 'victim' }, spec: { containers: [{ name: 'app', image: 'none' }] } };
    await cluster.core.createNamespacedPod({ namespace, body: pod });
    const account = { namespace, name: 'reloader-leindex-reloader' };
    asController.loadFromFile(await cluster.serviceAccountKubeconfig(account));
    // A policy is in force some moments after it was written.
    await waitUntil({
      what: 'the guard is in force',
      check: async () => /may run/.test((await attempt(['true'])).text),
    });
  });

  test('lets the one fixed command through, as far as the pod that has no node', async () => {
    expect(await attempt(command)).toMatchObject({ text: expect.stringContaining('does not have a host assigned') });
  });

  test('lets it through without a process name, and with the signal in any case', async () => {
    const words = signalCommand({
      file: '/f',
      hash: contentHash(''),
      signal: 'SIGHUP',
      process: undefined,
      waitMs: 0,
      startedAt: undefined,
    });
    expect((await attempt(words)).text).toContain('does not have a host assigned');
  });

  const refused: Readonly<Record<string, readonly [readonly string[], string?]>> = {
    'another command': [['cat', '/etc/passwd']],
    'another script': [other(2, 'id')],
    'the script with a line more': [other(2, `${command[2] ?? ''}\nid`)],
    'another shell': [other(0, 'bash')],
    'a word more': [[...command, 'id']],
    'a word less': [command.slice(0, -1)],
    'a relative file': [other(4, 'etc/passwd')],
    'a line end in the file': [other(4, '/etc/a\nb')],
    'a hash that is none': [other(5, 'x'.repeat(64))],
    'a signal that kills': [other(6, 'KILL')],
    'a number that kills': [other(7, '9')],
    'a process that is a pattern': [other(8, '.*|id')],
    'standard input': [command, '&stdin=true'],
    'a terminal': [command, '&tty=true'],
  };
  test.each(Object.entries(refused))('refuses %s', async (_name, [words, extra]) => {
    expect((await attempt(words, extra)).text).toMatch(
      /ValidatingAdmissionPolicy .* denied request: leindex-reloader /,
    );
  });

  test('leaves other accounts alone', async () => {
    const answer = await requestExec(cluster.kubeConfig, { namespace, pod: 'victim', query: '', command: ['id'] });
    expect(answer.text).toContain('does not have a host assigned');
  });
});
