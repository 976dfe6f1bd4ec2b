import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Cluster } from '../cluster/cluster.ts';
import { startControlPlane } from '../cluster/control-plane.ts';
import { waitUntil } from '../cluster/wait-until.ts';
import { createBenchTargets, TARGET_CIDR } from './bench-targets.ts';
import { startBundle } from './controller-under-test.ts';
import { createConfigMap, createLoadClient, editConfigMap, sourceObject } from './load.ts';

/** Every API call that the controller makes for one reload of one endpoint target, in order, as `verb resource/subresource`. */
export async function countCalls(): Promise<string[]> {
  const controlPlane = await startControlPlane({ audit: 'Metadata' });
  try {
    const cluster = new Cluster(controlPlane.address);
    await cluster.apply(await readFile(join(import.meta.dirname, '..', '..', 'deploy', 'crd.yaml'), 'utf8'));
    const client = createLoadClient(controlPlane.kubeconfig);
    const namespace = await cluster.createNamespace('calls');
    await createConfigMap(client, namespace, sourceObject('one', 1024));
    const targets = await createBenchTargets(client, { namespace, count: 1, net: 4, configMapOf: () => 'one' });
    const controller = await startBundle(controlPlane.kubeconfig, '--allow-endpoint-cidr', TARGET_CIDR);
    await waitUntil({ what: 'the first text is there', check: () => targets.count() === 1 });
    await sleep(2_000);
    const calls = async () =>
      (
        await cluster.readAudit(
          ({ stage, userAgent }) => stage === 'ResponseComplete' && userAgent?.startsWith('leindex-reloader') === true,
        )
      )
        .filter(({ verb }) => verb !== 'watch')
        .map(
          ({ verb, objectRef }) => `${verb} ${[objectRef?.resource, objectRef?.subresource].filter(Boolean).join('/')}`,
        );
    const before = (await calls()).length;
    await editConfigMap(client, { namespace, name: 'one' }, 2048);
    await waitUntil({ what: 'the edit is there', check: () => targets.count() === 2 });
    await sleep(2_000);
    const made = (await calls()).slice(before);
    await controller.stop();
    await client.close();
    await targets.close();
    return made;
  } finally {
    await controlPlane.stop();
  }
}
