import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { readChartValues } from '../../scripts/values-table.ts';
import { checkControllerFlags } from './controller-flags.ts';
import { configReloadCrd } from '../../src/kube/crd.ts';
import { permissions, type Feature } from '../../src/kube/permissions.ts';
import { rulesOf } from '../../src/kube/rbac.ts';
import { createMetrics } from '../../src/operator/metrics.ts';
import { runHelm } from '../cluster/helm.ts';
import { chartFolder, find, names, renderChart, valueSets, type Rendered } from './render-chart.ts';

const rulesIn = (objects: readonly Rendered[]) =>
  objects.filter(
    ({ kind, metadata }) => /Role$/.test(kind) && metadata.labels?.['app.kubernetes.io/component'] === 'controller',
  );

test('passes helm lint, strictly', async () => {
  expect(await runHelm(['lint', '--strict', '--quiet', chartFolder])).not.toMatch(/ERROR|WARNING/);
});

test.each(Object.entries(valueSets))('renders the same as ever: %s', async (_name, values) => {
  const objects = await renderChart(values);
  expect(objects.filter(({ kind }) => kind !== 'CustomResourceDefinition')).toMatchSnapshot();
});

describe('roles', () => {
  const expected = (features: readonly Feature[]) => rulesOf(features);

  test('with signal, and the whole cluster', async () => {
    const objects = await renderChart();
    expect(find(objects, 'ClusterRole', 'reloader-leindex-reloader')['rules']).toEqual(expected(['core', 'signal']));
    expect(find(objects, 'Role', 'reloader-leindex-reloader-leader-election')['rules']).toEqual(
      expected(['leader-election']),
    );
  });

  test('without signal, no pods/exec and no guard', async () => {
    const objects = await renderChart(valueSets['endpoint alone']);
    expect(find(objects, 'ClusterRole', 'reloader-leindex-reloader')['rules']).toEqual(expected(['core']));
    expect(JSON.stringify(rulesIn(objects))).not.toContain('pods/exec');
    expect(objects.filter(({ kind }) => kind.startsWith('ValidatingAdmission'))).toEqual([]);
  });

  test('every feature, and nothing else in the code', async () => {
    const objects = await renderChart(valueSets['signal alone, every feature']);
    const all = (Object.keys(permissions) as Feature[]).filter(
      (feature) => feature !== 'leader-election' && feature !== 'admission',
    );
    expect(find(objects, 'ClusterRole', 'reloader-leindex-reloader')['rules']).toEqual(expected(all));
  });

  test('for its own certificates, that one webhook configuration and no Secret', async () => {
    const objects = await renderChart(valueSets['admission, certificates of its own']);
    const { name } = find(objects, 'ValidatingWebhookConfiguration').metadata;
    const [rule] = expected(['admission']);
    expect(find(objects, 'ClusterRole', `${name}-admission`)['rules']).toEqual([{ ...rule, resourceNames: [name] }]);
    expect(JSON.stringify(rulesIn(objects))).not.toContain('secrets');
  });

  test('with certificates of cert-manager, no role more', async () => {
    const withIt = await renderChart(valueSets['admission in two namespaces, by cert-manager']);
    expect(names(rulesIn(withIt))).toEqual(names(rulesIn(await renderChart(valueSets['two namespaces']))));
  });

  test('with a list of namespaces, Roles alone', async () => {
    const objects = await renderChart(valueSets['two namespaces']);
    expect(objects.filter(({ kind }) => kind.startsWith('ClusterRole'))).toEqual([]);
    expect(names(rulesIn(objects))).toEqual([
      'Role alpha/reloader-leindex-reloader',
      'Role beta/reloader-leindex-reloader',
      'Role reloader/reloader-leindex-reloader-leader-election',
    ]);
  });
});

describe('values', () => {
  const refused = {
    'an unknown value': { replica: 2 },
    'an unknown value inside': { metrics: { ports: 1 } },
    'an unknown strategy': { strategies: ['exec'] },
    'no strategy': { strategies: [] },
    'a wrong type': { replicas: '2' },
    'a privileged port': { metrics: { port: 80 } },
    'a CIDR without a length': { controller: { allowEndpointCidrs: ['10.0.0.0'] } },
    'a text as namespaces': { watch: { namespaces: 'alpha' } },
    'another source of certificates': { admission: { certificates: 'helm' } },
    'another failure policy': { admission: { failurePolicy: 'Retry' } },
    'a webhook that may block for a minute': { admission: { timeoutSeconds: 60 } },
    'an unknown log level': { controller: { logLevel: 'verbose' } },
    'two replicas without a lease': { replicas: 2, leaderElection: { enabled: false } },
    'a ServiceMonitor without the Service': {
      metrics: { service: { enabled: false }, serviceMonitor: { enabled: true } },
    },
  };
  test.each(Object.entries(refused))('refused: %s', async (_name, values) => {
    await expect(renderChart(values)).rejects.toThrow(
      /values don't meet|more than one replica needs|needs metrics.service/,
    );
  });

  test('each does something', async () => {
    const paths = readChartValues(readFileSync(join(chartFolder, 'values.yaml'), 'utf8')).map(({ path }) => path);
    const folder = join(chartFolder, 'templates');
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
      /\.(yaml|tpl|txt)$/.test(file),
    );
    const templates = files.map((file) => readFileSync(join(folder, file), 'utf8')).join('\n');
    const usedAsWhole = ['resources'];
    expect(
      paths.filter((path) => !templates.includes(`.Values.${path}`) && !usedAsWhole.includes(path.split('.')[0]!)),
    ).toEqual([]);
  });
});

test.each(Object.entries(valueSets))(
  'gives the controller flags that it knows, and no other: %s',
  async (_name, values) => {
    const deployment = find(await renderChart(values), 'Deployment');
    const [command, ...args] = deployment['spec'].template.spec.containers[0].args as string[];
    expect(command).toBe('controller');
    expect(await checkControllerFlags(args)).toBe('understood');
  },
);

test.each(Object.entries(valueSets))('runs as restricted pods only: %s', async (_name, values) => {
  const objects = await renderChart(values);
  const specs = [find(objects, 'Deployment')['spec'].template.spec, find(objects, 'Pod')['spec']];
  for (const spec of specs) {
    expect(spec.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
    expect(spec.hostNetwork ?? spec.hostPID ?? spec.hostIPC).toBeUndefined();
    for (const container of spec.containers) {
      expect(container.securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
    }
  }
});

test('carries the CRD of the code, which outlives the release', async () => {
  const crd = find(await renderChart(), 'CustomResourceDefinition');
  expect(crd['spec']).toEqual(JSON.parse(JSON.stringify(configReloadCrd.spec)));
  expect(crd.metadata.annotations).toEqual({ 'helm.sh/resource-policy': 'keep' });
});

test('alerts and dashboard ask for metrics that exist', async () => {
  const registry = new Registry();
  createMetrics(registry);
  const known = new Set(registry.getMetricsAsArray().map(({ name }) => name));
  const objects = await renderChart(valueSets['all that is watched']);
  const rules = JSON.stringify(find(objects, 'PrometheusRule')['spec']);
  const dashboard = find(objects, 'ConfigMap', 'reloader-leindex-reloader-dashboard')['data'][
    'leindex-reloader.json'
  ] as string;
  expect(JSON.parse(dashboard).panels.length).toBeGreaterThan(10);
  const asked = [...(rules + dashboard).matchAll(/\b(leindex_reloader_\w+|workqueue_\w+|leader_election_\w+)/g)].map(
    ([name]) => name,
  );
  expect(asked.length).toBeGreaterThan(20);
  expect(asked.filter((name) => !known.has(name.replace(/_bucket$/, '')))).toEqual([]);
});

test('the version of the chart is that of the program', () => {
  const chart = parse(readFileSync(join(chartFolder, 'Chart.yaml'), 'utf8')) as Record<string, string>;
  const { version } = JSON.parse(readFileSync(join(chartFolder, '..', '..', 'package.json'), 'utf8')) as {
    version: string;
  };
  expect([chart['version'], chart['appVersion']]).toEqual([version, version]);
});
