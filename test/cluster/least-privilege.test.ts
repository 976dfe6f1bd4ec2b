import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pLimit from 'p-limit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Values } from '../chart/render-chart.ts';
import { launchController, main, type LaunchedController } from './controller-process.ts';
import { TARGET_CIDR } from './endpoint-targets.ts';
import { complaints } from './rights/complaints.ts';
import { Rights } from './rights/rights.ts';
import * as stories from './rights/stories.ts';
import { useOwnControlPlane } from './use-cluster.ts';
import { waitUntil } from './wait-until.ts';

// Without streamed lists, as older API servers are: with them, nothing would ever be listed, and `list` not be missed.
const cluster = await useOwnControlPlane({ apiserverFlags: ['--feature-gates=WatchList=false'] });

const core: readonly stories.Story[] = [stories.reload, stories.manyRevisions, stories.repeatedRefusal];
/** What the chart renders with these values, and what then happens. */
const featureSets: Readonly<Record<string, { readonly values: Values; readonly stories: readonly stories.Story[] }>> = {
  'endpoints alone, one replica': {
    values: { strategies: ['endpoint'], replicas: 1, leaderElection: { enabled: false } },
    stories: core,
  },
  'the default': { values: {}, stories: [...core, stories.signalled] },
  'every feature': {
    values: { features: { tokenSecret: true, restart: true, publish: true } },
    stories: [...core, stories.signalled, stories.withToken, stories.restarted, stories.published],
  },
  'the webhook with certificates of its own': {
    values: { admission: { enabled: true } },
    stories: [stories.trustedWebhook],
  },
};
/** What is missed only then; all else is by a reload. */
const storyOf: Readonly<Record<string, stories.Story>> = {
  'controllerrevisions get': stories.manyRevisions,
  'controllerrevisions list': stories.manyRevisions,
  'controllerrevisions delete': stories.manyRevisions,
  'events patch': stories.repeatedRefusal,
  'pods/exec get': stories.signalled,
  'pods/exec create': stories.signalled,
  'secrets get': stories.withToken,
  'pods/eviction create': stories.restarted,
  'configmaps create': stories.published,
  'configmaps patch': stories.published,
  'validatingwebhookconfigurations get': stories.trustedWebhook,
  'validatingwebhookconfigurations patch': stories.trustedWebhook,
};

const launched: LaunchedController[] = [];
let places = 0;
beforeAll(async () => {
  await cluster.apply(await readFile(join(import.meta.dirname, '..', '..', 'deploy', 'crd.yaml'), 'utf8'));
});
afterAll(() => Promise.all(launched.map((controller) => controller.end('SIGKILL'))));

/** Runs stories with a controller that has the rights but one, until something complains of it, or they end. */
async function complaintsWithout(
  rights: Rights,
  chosen: readonly stories.Story[],
  without?: string,
): Promise<readonly string[]> {
  const namespace = await cluster.createNamespace('rights');
  const kubeconfig = await rights.grant(cluster, namespace, without);
  const flags = [...rights.flags(namespace), `--allow-endpoint-cidr=${TARGET_CIDR}`];
  const controller = launchController(main, kubeconfig, ...flags);
  launched.push(controller);
  const ending = new AbortController();
  const place = { cluster, namespace, address: `127.124.0.${++places}`, signal: ending.signal };
  try {
    const told = Promise.all(chosen.map((story) => story(place)));
    if (without === undefined) {
      await told;
      await sleep(1_000); // what is said last: events
      return await complaints(controller, place);
    }
    void told.catch(() => undefined); // how a story breaks off is not looked at, but what the controller says
    const look = async () => {
      const said = await complaints(controller, place);
      return said.length > 0 ? said : undefined;
    };
    return await waitUntil({ what: 'something complains', timeoutMs: 30_000, everyMs: 200, check: look }).catch(
      () => [],
    );
  } finally {
    ending.abort();
    await controller.end('SIGKILL');
  }
}

describe.each(Object.entries(featureSets))('the rights that the chart gives: %s', async (_name, set) => {
  const rights = await Rights.render(set.values);

  test('are enough: nothing complains', async () => {
    expect(await complaintsWithout(rights, set.stories)).toEqual([]);
  });
});

/** Each line once, in the smallest set that has it. */
const lines = new Map<string, Rights>();
for (const { values } of Object.values(featureSets)) {
  const rights = await Rights.render(values);
  for (const line of rights.lines) if (!lines.has(line)) lines.set(line, rights);
}

describe('are no more than needed: without one of them, something complains', () => {
  const found = new Map<string, readonly string[]>();
  beforeAll(async () => {
    const atOnce = pLimit(3);
    await Promise.all(
      [...lines].map(([line, rights]) =>
        atOnce(async () => found.set(line, await complaintsWithout(rights, [storyOf[line] ?? stories.reload], line))),
      ),
    );
  }, 600_000);

  test.each([...lines.keys()])('%s', (line) => {
    expect(found.get(line)?.length).toBeGreaterThan(0);
  });
});
