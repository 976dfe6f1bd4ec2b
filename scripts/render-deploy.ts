import { join } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import { runHelm } from '../test/cluster/helm.ts';

/** The overlays of `deploy/`: what each is for, and the chart's values that make it. */
export const overlays = {
  'cluster-wide': { about: 'All namespaces, by endpoint and signal.', values: [] },
  'single-namespace': {
    about: 'The namespace leindex-reloader alone, with a Role; name your own in role and flag.',
    values: ['watch.namespaces={leindex-reloader}'],
  },
  'endpoint-only': {
    about: 'All namespaces, by endpoint alone: no permission for pods/exec.',
    values: ['strategies={endpoint}'],
  },
  admission: {
    about:
      'All namespaces, and an invalid edit is refused at kubectl apply: the admission webhook, with certificates of its own.',
    values: ['admission.enabled=true'],
  },
} as const;

export const NAMESPACE = 'leindex-reloader';

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; labels?: Record<string, string> };
}

/**
 * The kustomize base and overlays by their paths, rendered from the chart: the base has what all overlays share, word for
 * word, and each overlay the rest.
 */
export async function renderDeploy(head: string): Promise<Record<string, string>> {
  const rendered = new Map<string, Manifest[]>();
  for (const [name, { values }] of Object.entries(overlays)) rendered.set(name, await renderChart(values));
  const [first = [], ...others] = [...rendered.values()];
  const isShared = (object: Manifest) => others.every((objects) => objects.some((one) => isSame(one, object)));
  const base = [namespaceObject, ...first.filter(isShared)];
  const files: Record<string, string> = {};
  const add = (folder: string, about: string, objects: readonly Manifest[], resources: readonly string[]) => {
    const names = objects.map((object) => {
      const file = `${object.kind}-${object.metadata.name}.yaml`.toLowerCase();
      files[`${folder}/${file}`] = head + stringify(object, { lineWidth: 0, aliasDuplicateObjects: false });
      return file;
    });
    const kustomization = {
      apiVersion: 'kustomize.config.k8s.io/v1beta1',
      kind: 'Kustomization',
      resources: [...resources, ...names],
    };
    files[`${folder}/kustomization.yaml`] = `${head}# ${about}\n${stringify(kustomization)}`;
  };
  add('deploy/base', 'What every overlay has; apply an overlay, not this.', base, []);
  for (const [name, objects] of rendered) {
    const { about } = overlays[name as keyof typeof overlays];
    const own = objects.filter((object) => !base.some((shared) => isSame(shared, object)));
    add(`deploy/overlays/${name}`, about, own, ['../../base']);
  }
  return files;
}

/** The objects of the chart as `deploy/` has them: without hooks, and without the labels that only helm has a use for. */
export async function renderChart(values: readonly string[]): Promise<Manifest[]> {
  const chart = join(import.meta.dirname, '..', 'charts', 'leindex-reloader');
  const sets = values.flatMap((value) => ['--set', value]);
  const text = await runHelm(['template', NAMESPACE, chart, '--namespace', NAMESPACE, '--no-hooks', ...sets]);
  const objects = parseAllDocuments(text).map((document) => document.toJS() as Manifest | null);
  return objects.filter((object) => object !== null).map(withoutHelmLabels);
}

function withoutHelmLabels(object: Manifest): Manifest {
  const forHelm = ['helm.sh/chart', 'app.kubernetes.io/managed-by', 'helm.sh/resource-policy'];
  const strip = (key: string, value: unknown): unknown => {
    if (forHelm.includes(key)) return undefined;
    const hadNothingElse = key === 'annotations' && Object.keys(Object(value)).every((one) => forHelm.includes(one));
    return hadNothingElse ? undefined : value;
  };
  return JSON.parse(JSON.stringify(object, strip)) as Manifest;
}

const namespaceObject = {
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: NAMESPACE, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
} as const;

function isSame(a: Manifest, b: Manifest): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
