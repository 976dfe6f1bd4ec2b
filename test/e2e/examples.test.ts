import { readdirSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { waitUntil } from '../cluster/wait-until.ts';
import { AppliedExample, examplesFolder } from './applied-example.ts';
import { ControlledNode } from './controlled-node.ts';
import { addExampleImages } from './example-images.ts';
import { describeHelm } from './helm-release.ts';

/** Each file, applied as it is to a cluster with the chart and the image, does what its first lines say. */
describeHelm('the examples', (release) => {
  const on = new ControlledNode(release.node, {});
  const { node } = release;

  beforeAll(async () => {
    await addExampleImages(node);
    await release.put('install', { features: { publish: true } });
  });

  const noRestarts = async (pods: readonly string[]) =>
    expect(await Promise.all(pods.map((pod) => on.restarts(pod)))).toEqual(pods.map(() => 0));
  const budget = (mb: number) => `total_budget_mb: ${mb}`;

  const tried: Readonly<Record<string, (example: AppliedExample) => Promise<void>>> = {
    'signal.yaml': async (example) => {
      const [pod = ''] = await example.pods('by-signal');
      await example.untilRuns(1, '1/1');
      await example.edit(budget(3072), budget(4096));
      await example.untilRuns(2, '1/1');
      expect((await example.lines(pod)).at(-1)).toContain(budget(4096));
      await noRestarts([pod]);
      await on.untilEvent('configmap', example.source, /ReloadSucceeded.*1\/1 targets run it.*3072 → 4096/);
    },

    'sidecar.yaml': async (example) => {
      const [pod = ''] = await example.pods('with-sidecar');
      await example.untilRuns(1, '1/1');
      await example.edit(budget(3072), budget(4096));
      const { pods } = await example.untilRuns(2, '1/1');
      expect(pods).toMatchObject([{ container: 'manager', reason: 'EndpointConfirmed' }]);
      expect((await example.lines(pod)).at(-1)).toContain(budget(4096));
      const before = await example.lines(pod);
      await example.edit(budget(3072), budget(1));
      await example.untilRefused();
      expect(await example.lines(pod)).toEqual(before);
      expect(await node.exec(pod, 'app', ['cat', '/validated/mcp_config.yaml'])).toContain(budget(4096));
      await noRestarts([pod]);
    },

    'distroless.yaml': async (example) => {
      const [bare = '', managed = ''] = [
        await example.pods('without-shell'),
        await example.pods('with-manager'),
      ].flat();
      const reasonsOf = (status: Awaited<ReturnType<typeof on.reload>>) =>
        Object.fromEntries((status?.pods ?? []).map(({ name, reason }) => [name, reason]));
      await on.untilReload(example.source, (status) => reasonsOf(status)[managed] !== undefined);
      await example.edit(budget(3072), budget(4096));
      await waitUntil({
        what: 'the program beside the manager runs the edit',
        check: async () => (await example.lines(managed)).at(-1) === budget(4096),
      });
      await on.untilEvent('configmap', example.source, /Warning +ReloadFailed.*without-shell.*ShellMissing/);
      expect(reasonsOf(await on.reload(example.source))).toEqual({
        [bare]: 'ShellMissing',
        // Which of the two: the manager may have seen the file before the controller told it.
        [managed]: expect.stringMatching(/^(EndpointConfirmed|AlreadyCurrent)$/),
      });
      expect(await example.lines(bare)).toEqual([budget(3072)]);
      await noRestarts([bare, managed]);
    },

    'library.yaml': async (example) => {
      const pods = await example.pods('with-library');
      const workers = () =>
        Promise.all(
          pods.map(async (pod) => {
            const { status } = await node.core.readNamespacedPod({ namespace: on.namespace, name: pod });
            return ((await (await fetch(`http://${status!.podIP!}:8080/`)).json()) as { workers: number }).workers;
          }),
        );
      await example.untilRuns(1, '2/2');
      expect(await workers()).toEqual([4, 4]);
      await example.edit('parallel_workers: 4', 'parallel_workers: 8');
      await example.untilRuns(2, '2/2');
      expect(await workers()).toEqual([8, 8]);
      await example.edit('parallel_workers: 4', 'parallel_workers: 800');
      await example.untilRefused();
      expect(await workers()).toEqual([8, 8]);
      await noRestarts(pods);
    },

    'canary.yaml': async (example) => {
      const pods = await example.pods('canaries');
      await example.untilRuns(1, '8/8');
      await example.edit(budget(3072), budget(5000));
      await on.untilEvent('configmap', example.source, /RolledBack/);
      const { data } = await node.core.readNamespacedConfigMap({ namespace: on.namespace, name: example.source });
      expect(data?.['mcp_config.yaml']).toContain(budget(3072));
      const restarted = async () =>
        (await Promise.all(pods.map((pod) => on.restarts(pod)))).filter((count) => count > 0);
      await waitUntil({
        what: 'the two that failed are started again',
        check: async () => (await restarted()).length === 2,
      });
      // The canaries come back by themselves, for their file is the good one again.
      for (const pod of pods) await node.waitForPod(pod);
      expect(await restarted()).toHaveLength(2);
      await example.edit(budget(3072), budget(4096));
      await on.untilReload(
        example.source,
        ({ podsReady, appliedRevision }) => podsReady === '8/8' && appliedRevision === 3,
      );
      for (const pod of pods) expect((await example.lines(pod)).at(-1)).toBe('budget 4096');
    },

    'gitops.yaml': async (example) => {
      await example.untilRuns(1, '1/1');
      await example.edit(budget(3072), budget(4096));
      await example.untilRuns(2, '1/1');
      const [pod = ''] = await example.pods('by-gitops');
      expect((await example.lines(pod)).at(-1)).toContain(budget(4096));
      await noRestarts([pod]);
      await example.edit(budget(3072), budget(1));
      await example.untilRefused();
      await node.kubectl('-n', on.namespace, 'delete', 'pod', pod, '--grace-period=1');
      const [anew = ''] = await example.pods('by-gitops');
      await node.waitForPod(anew);
      expect([...new Set(await example.lines(anew))].map((line) => line.includes(budget(4096)))).toEqual([true]);
      const wanted = await node.core.readNamespacedConfigMap({ namespace: on.namespace, name: example.source });
      expect(wanted.metadata?.managedFields?.map(({ manager }) => manager)).toEqual(['kubectl-client-side-apply']);
    },
  };

  test('each file is tried', () => {
    const files = readdirSync(examplesFolder).filter((name) => name.endsWith('.yaml'));
    expect(Object.keys(tried).toSorted()).toEqual(files.toSorted());
  });

  test.each(Object.entries(tried))('%s', async (file, trial) => {
    const example = await AppliedExample.apply(on, file);
    await trial(example);
    await example.delete();
  });
});
