import { expect, test } from 'vitest';
import { configText, waitForReload } from '../cluster/config-reload.ts';
import { tryCreate } from '../cluster/webhook.ts';
import { describeHelm } from './helm-release.ts';
import { sourceOf } from './workloads.ts';

const admission = { enabled: true };

describeHelm('the admission webhook, by helm on a real node with the image of the Dockerfile', (release) => {
  const { node } = release;
  const bad = configText(2048).replace('512', '2000');
  const manifest = (text: string) => JSON.stringify(sourceOf('app', text));
  const apply = (text: string, ...flags: string[]) =>
    node.kubectlApply(manifest(text), '-n', release.namespace, ...flags);

  test('as soon as the release is installed, kubectl apply refuses a bad edit and says why', async () => {
    const notes = await release.put('install', { admission });
    expect(notes).toContain('kubectl apply --dry-run=server');
    await apply(configText(2048));
    await waitForReload(
      node,
      { namespace: release.namespace, name: 'app' },
      ({ appliedRevision }) => appliedRevision === 1,
    );
    await expect(apply(bad)).rejects.toThrow(/mcp_config\.yaml:4:\d+ memory\.global_index_mb: .* \[index-share\]/);
    await expect(apply(bad, '--dry-run=server')).rejects.toThrow('[index-share]');
    const { data } = await node.core.readNamespacedConfigMap({ namespace: release.namespace, name: 'app' });
    expect(data?.['mcp_config.yaml']).toBe(configText(2048));
  });

  test('it goes on refusing while an upgrade replaces every pod, and each has made its own certificate', async () => {
    const over = new AbortController();
    const count = { refused: 0, allowed: 0 };
    const probe = JSON.parse(manifest(bad)) as { metadata: object };
    const streaming = (async () => {
      while (!over.signal.aborted) {
        const asked = { ...probe, metadata: { ...probe.metadata, name: 'probe', namespace: release.namespace } };
        count[(await tryCreate(node, asked)).isAllowed ? 'allowed' : 'refused']++;
      }
    })();
    await release.put('upgrade', { admission, podAnnotations: { note: 'another template' } });
    over.abort();
    await streaming;
    expect(count.allowed).toBe(0);
    expect(count.refused).toBeGreaterThan(20);
    await expect(apply(bad)).rejects.toThrow('[index-share]');
  });

  test('when the release is gone nothing is in the way of an edit', async () => {
    await release.helm('uninstall', 'reloader', '--wait', '--timeout', '120s');
    await apply(bad);
    const left = await node.kubectl('get', 'validatingwebhookconfiguration,clusterrole', '-o', 'name');
    expect(left).not.toContain('reloader-leindex');
  });
});
