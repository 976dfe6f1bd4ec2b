import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { waitUntil } from '../cluster/wait-until.ts';
import { AppliedExample } from './applied-example.ts';
import { ControlledNode } from './controlled-node.ts';
import { describeHelm } from './helm-release.ts';
import { readImage } from './image-contents.ts';
import type { Base } from './program-image.ts';

const operations = await readFile(join(import.meta.dirname, '..', '..', 'docs', 'operations.md'), 'utf8');
/** MB of 2^20 bytes that an image may have; on the slim base more than half of it is the base. */
const limits: Readonly<Record<Base, number>> = { slim: 265, distroless: 160 };

describeHelm('the image', (release) => {
  const on = new ControlledNode(release.node, {});

  test.each(['slim', 'distroless'] as const)(
    '%s: what is documented and nothing else, for a user that is not root',
    async (base) => {
      const { layers, size, config } = await readImage(release.archives[base]);
      const added = layers.slice(1).flat();
      // The documented list; chunks have names that change.
      const documented = /adds to its base:\n\n((?: {4}.*\n)+)/.exec(operations)?.[1]?.trim().split(/\s+/);
      const paths = new Set(added.map(({ path }) => `/${path.replace(/chunk-[A-Z0-9]+/, 'chunk-*')}`));
      expect([...paths].toSorted()).toEqual(documented?.toSorted());
      expect(added.filter(({ mode }) => /s/i.test(mode.slice(1)))).toEqual([]);
      expect(config).toMatchObject({
        User: '65532:65532',
        Entrypoint: expect.arrayContaining(['/usr/local/bin/node']),
        Labels: { 'org.opencontainers.image.licenses': 'Apache-2.0', 'org.opencontainers.image.version': '0.1.0' },
      });
      expect(config.Healthcheck).toBeUndefined();
      const megabytes = Math.round(size / 2 ** 20);
      console.log(`the image on the ${base} base has ${megabytes} MB`);
      expect(megabytes).toBeLessThan(limits[base]);
      // Debian's own updates change it a little.
      const documentedSize = Number(new RegExp(`^\\| ${base}\\b[^|]*\\| (\\d+) MB`, 'm').exec(operations)?.[1]);
      expect(Math.abs(megabytes - documentedSize)).toBeLessThan(10);
    },
  );

  test('distroless: no shell, no package manager, nothing setuid', async () => {
    const files = (await readImage(release.archives.distroless)).layers.flat();
    expect(files.filter(({ path }) => /(^|\/)s?bin\/([a-z]*sh|busybox|apt.*|dpkg.*)$/.test(path))).toEqual([]);
    expect(files.filter(({ mode }) => /^-..s|^-.....s/i.test(mode))).toEqual([]);
    expect(files.filter(({ path, mode }) => /^-..x/.test(mode) && /bin\//.test(path)).map(({ path }) => path)).toEqual([
      'usr/local/bin/node',
    ]);
  });

  test('distroless: it is controller, manager and the pod of helm test', async () => {
    await release.put('install', { image: { tag: '0.1.0-distroless' } });
    expect(await release.helm('test', 'reloader', '--timeout', '120s')).toMatch(/Phase:\s+Succeeded/);
    const pods = await release.node.kubectl('-n', release.namespace, 'get', 'pods', '-o', 'jsonpath={..image}');
    expect(pods).toContain('leindex-reloader:0.1.0-distroless');
  });

  test('distroless: it is the sidecar of a process that it signals', async () => {
    const image = 'leindex-reloader:0.1.0';
    // The process of the example runs this image's own Node, so that neither of the two has a shell.
    const example = await AppliedExample.apply(on, 'distroless.yaml', (text) =>
      text
        .replaceAll(`image: ${image}`, `image: ${image}-distroless`)
        .replaceAll(
          /image: gcr\.io\S+\n( +)args:/g,
          `image: ${image}-distroless\n$1command: [/usr/local/bin/node]\n$1args:`,
        ),
    );
    const [pod = ''] = await example.pods('with-manager');
    await example.edit('total_budget_mb: 3072', 'total_budget_mb: 4096');
    await waitUntil({
      what: 'the process was told',
      check: async () => (await example.lines(pod)).at(-1) === 'total_budget_mb: 4096',
    });
    expect(await on.restarts(pod)).toBe(0);
    await example.delete();
  });
});
