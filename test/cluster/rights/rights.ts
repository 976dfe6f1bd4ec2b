import { find, renderChart, type Rendered, type Values } from '../../chart/render-chart.ts';
import type { Cluster } from '../cluster.ts';

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

/** Stands for the namespace, and for the name of everything, so that what has no namespace is a place's own too. */
const NAMESPACE = 'namespace-of-the-chart';

/** What the chart gives the controller's account with some values, in one namespace, in which it works, too. */
export class Rights {
  readonly #objects: readonly Rendered[];

  private constructor(objects: readonly Rendered[]) {
    this.#objects = objects;
  }

  static async render(values: Values): Promise<Rights> {
    const place = { watch: { namespaces: [NAMESPACE] }, fullnameOverride: NAMESPACE };
    const objects = await renderChart({ ...values, ...place }, NAMESPACE);
    const isRight = ({ kind, metadata }: Rendered) =>
      /^(ServiceAccount|(Cluster)?Role(Binding)?|ValidatingWebhookConfiguration|Deployment)$/.test(kind) &&
      !metadata.annotations?.['helm.sh/hook'];
    return new Rights(objects.filter(isRight));
  }

  /** Every verb of every rule, as `resource verb`. */
  get lines(): string[] {
    const rules = this.#objects.flatMap((object) => (object['rules'] ?? []) as Rule[]);
    return [...new Set(rules.flatMap(({ resources, verbs }) => verbs.map((verb) => `${resources[0]} ${verb}`)))];
  }

  /** Grants them in a namespace, all but the one line, and returns the account's kubeconfig. */
  async grant(cluster: Cluster, namespace: string, without?: string): Promise<string> {
    for (const object of this.#objects.filter(({ kind }) => kind !== 'Deployment')) {
      const own = JSON.parse(JSON.stringify(object).replaceAll(NAMESPACE, namespace)) as Rendered;
      const rules = (own['rules'] as Rule[] | undefined)?.map((rule) => leaveOut(rule, without)).filter(hasVerbs);
      await cluster.apply({ ...own, ...(rules ? { rules } : {}) } as never);
    }
    return cluster.serviceAccountKubeconfig({ namespace, name: namespace });
  }

  /** The controller's flags, but where it listens: its webhook, if it has one, anywhere. */
  flags(namespace: string): string[] {
    const [, ...args] = find(this.#objects, 'Deployment')['spec'].template.spec.containers[0].args as string[];
    return args
      .filter((arg) => !arg.startsWith('--listen'))
      .map((arg) => arg.replaceAll(NAMESPACE, namespace).replace(/^(--admission-listen)=.*/, '$1=127.0.0.1:0'));
  }
}

function leaveOut(rule: Rule, line: string | undefined): Rule {
  return { ...rule, verbs: rule.verbs.filter((verb) => `${rule.resources[0]} ${verb}` !== line) };
}

function hasVerbs({ verbs }: Rule): boolean {
  return verbs.length > 0;
}
