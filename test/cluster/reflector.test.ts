import { pino } from 'pino';
import { afterAll, describe, expect, test } from 'vitest';
import { createKubeClient } from '../../src/kube/kube-client.ts';
import { resources } from '../../src/kube/resources.ts';
import { createWatchSource } from '../../src/kube/watch-source.ts';
import type { ListerWatcher } from '../../src/runtime/lister-watcher.ts';
import { WatchFailure } from '../../src/runtime/lister-watcher.ts';
import { Reflector } from '../../src/runtime/reflector.ts';
import { useCluster, useOwnControlPlane } from './use-cluster.ts';
import { waitUntil } from './wait-until.ts';

interface Seen {
  readonly uid: string;
  readonly keys: readonly string[];
}

/** What is kept of a ConfigMap labelled `kept`, and which of its fields came with it. */
const trim = (object: unknown): Seen | undefined => {
  const { metadata } = object as { metadata: { uid: string; labels?: Record<string, string> } };
  return metadata.labels?.['kept'] === 'yes' ? { uid: metadata.uid, keys: Object.keys(object as object) } : undefined;
};

function useReflector(
  kubeconfig: string,
  namespace: string,
  wrap: (source: ListerWatcher) => ListerWatcher = (source) => source,
) {
  const client = createKubeClient({ kubeconfig, userAgent: 'reflector-test', logger: pino({ level: 'silent' }) });
  const changes: string[] = [];
  const listed: number[] = [];
  const failures: WatchFailure[] = [];
  const reflector = new Reflector<Seen>({
    source: wrap(createWatchSource({ client, resource: resources.configMaps, namespace, isMetadataOnly: true })),
    trim,
    onChange: (key, previous, current) =>
      changes.push(`${key.slice(namespace.length + 1)} ${previous ? 'was' : '-'} ${current ? 'is' : '-'}`),
    hooks: { listed: (objects) => listed.push(objects), failed: (failure) => failures.push(failure) },
  });
  const stop = new AbortController();
  const running = reflector.run(stop.signal);
  afterAll(async () => {
    stop.abort();
    await running;
    await client.close();
  });
  return { reflector, changes, listed, failures };
}

const configMap = (name: string, kept = true) => ({
  metadata: { name, labels: { kept: kept ? 'yes' : 'no' } },
  data: { text: 'x'.repeat(1_000) },
});

describe('a reflector on the real API server', async () => {
  const cluster = await useCluster();
  const { namespace, core } = cluster;

  test('holds what there was and what came, without its data; follows edits, re-creation and removal', async () => {
    for (let n = 0; n < 20; n++)
      await core.createNamespacedConfigMap({ namespace, body: configMap(`a-${n}`, n % 2 === 0) });
    const { reflector, changes, listed } = useReflector(cluster.kubeconfig, namespace);
    await reflector.untilSynced();
    expect(listed).toEqual([20]);
    expect(reflector.store.size).toBe(10);
    expect(reflector.store.get(`${namespace}/a-0`)?.keys.toSorted()).toEqual(['apiVersion', 'kind', 'metadata']);

    changes.length = 0;
    const uid = reflector.store.get(`${namespace}/a-0`)?.uid;
    await core.createNamespacedConfigMap({ namespace, body: configMap('b') });
    await core.deleteNamespacedConfigMap({ namespace, name: 'a-0' });
    await core.createNamespacedConfigMap({ namespace, body: configMap('a-0') });
    await core.replaceNamespacedConfigMap({ namespace, name: 'b', body: configMap('b', false) });
    await core.replaceNamespacedConfigMap({ namespace, name: 'a-1', body: configMap('a-1') });
    await waitUntil({ what: 'all of it is seen', check: () => changes.length >= 5 });
    expect(changes).toEqual(['b - is', 'a-0 was -', 'a-0 - is', 'b was -', 'a-1 - is']);
    expect(reflector.store.get(`${namespace}/a-0`)?.uid).not.toBe(uid);
  });

  test('lists in pages where WatchList is refused, and ends at the same', async () => {
    const pages: number[] = [];
    const { reflector } = useReflector(cluster.kubeconfig, namespace, (source) => ({
      name: source.name,
      list: async (query, signal) => {
        const page = await source.list({ ...query, limit: 7 }, signal);
        pages.push(page.items.length);
        return page;
      },
      watch: (query, signal) => {
        if (query.resourceVersion === undefined) throw new WatchFailure('unsupported', 'as an old server says');
        return source.watch(query, signal);
      },
    }));
    await reflector.untilSynced();
    expect(pages.length).toBeGreaterThan(1);
    const { items } = await core.listNamespacedConfigMap({ namespace, labelSelector: 'kept=yes' });
    expect(reflector.store.keys().toSorted()).toEqual(
      items.map(({ metadata }) => `${namespace}/${metadata?.name}`).toSorted(),
    );
  });
});

describe('an API server that goes and comes back', async () => {
  const cluster = await useOwnControlPlane();
  const { namespace, core, controlPlane } = cluster;

  test('TestReflectorExpiredExactResourceVersion: what changed meanwhile comes out, and nothing twice', async () => {
    await core.createNamespacedConfigMap({ namespace, body: configMap('stays') });
    await core.createNamespacedConfigMap({ namespace, body: configMap('goes') });
    const { reflector, changes, failures, listed } = useReflector(cluster.kubeconfig, namespace);
    await reflector.untilSynced();
    await controlPlane.apiserver.stop();
    await waitUntil({ what: 'the loss is noticed', check: () => failures.length > 0 });
    await controlPlane.apiserver.start();
    await core.deleteNamespacedConfigMap({ namespace, name: 'goes' });
    await core.createNamespacedConfigMap({ namespace, body: configMap('comes') });
    await waitUntil({
      what: 'both are seen',
      check: () => reflector.store.has(`${namespace}/comes`) && !reflector.store.has(`${namespace}/goes`),
      timeoutMs: 60_000,
    });
    // Where all is listed anew, what is new comes out before what is gone.
    expect(changes.slice(0, 2)).toEqual(['goes - is', 'stays - is']);
    expect(changes.slice(2).toSorted()).toEqual(['comes - is', 'goes was -']);
    // It keeps no history of before its start: the watch from the last version was refused with 410, and everything listed anew.
    expect(failures.map(({ kind }) => kind)).toContain('expired');
    expect(listed.length).toBeGreaterThanOrEqual(2);
  });
});
