import { join } from 'node:path';
import { expect, test } from 'vitest';
import { NAMESPACE, overlays, renderChart } from '../../scripts/render-deploy.ts';
import { parseManifests } from './cluster.ts';
import { useCluster } from './use-cluster.ts';

const cluster = await useCluster();
const byName = (objects: readonly object[]) => objects.map((object) => JSON.stringify(object)).toSorted();

test.each(Object.entries(overlays))(
  'kubectl kustomize gives what the chart gives, and the namespace: %s',
  async (name, { values }) => {
    const folder = join(import.meta.dirname, '..', '..', 'deploy', 'overlays', name);
    const built = parseManifests(await cluster.kubectl('kustomize', folder));
    const isNamespace = ({ kind }: { kind?: string }) => kind === 'Namespace';
    expect(built.filter(isNamespace).map(({ metadata }) => metadata?.name)).toEqual([NAMESPACE]);
    expect(sorted(built.filter((object) => !isNamespace(object)))).toEqual(sorted(await renderChart(values)));
  },
);

/** Kustomize orders fields by name: compared as values. */
function sorted(objects: readonly object[]): unknown[] {
  const order = byName(objects.map((object) => JSON.parse(JSON.stringify(object, sortKeys)) as object));
  return order.map((text) => JSON.parse(text) as unknown);
}

function sortKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
