import { mkdir, mkdtemp, rename, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { CertificateKeeper, DEFAULT_KEEPER } from '../../src/admission/certificate-keeper.ts';
import { WEBHOOK_NAME } from '../../src/admission/webhook-configuration.ts';
import { createReviewer } from '../../src/admission/reviewer.ts';
import { startWebhook } from '../../src/admission/webhook-server.ts';
import { validateConfig } from '../../src/core/validate-config.ts';
import { configReloadCrd } from '../../src/kube/crd.ts';
import { createKubeClient } from '../../src/kube/kube-client.ts';
import { permissions } from '../../src/kube/permissions.ts';
import { rbacObjects } from '../../src/kube/rbac.ts';
import { createWebhookTrust } from '../../src/kube/webhook-trust.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { CertificateAuthority, saveKeyPair } from './certificates.ts';
import { configText, waitForReload } from './config-reload.ts';
import { launchController, main, startController, type ControllerProcess } from './controller-process.ts';
import { findFreePort } from './free-port.ts';
import { useOwnControlPlane } from './use-cluster.ts';
import { waitUntil } from './wait-until.ts';
import { pointWebhook, readTrust, tryCreate, untilAllowed } from './webhook.ts';

const cluster = await useOwnControlPlane({ audit: 'Metadata' });
const { namespace } = cluster;
const user = `system:serviceaccount:${namespace}:leindex-reloader`;
const BAD = configText(2048).replace('512', '2000').replace('projects:', 'projcts:');
const manifest = (name: string, text: string, more: Record<string, string> = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace, annotations: { 'reload.leindex.io/enabled': 'true', ...more } },
  data: { 'mcp.yaml': text },
});
const tryBad = () => tryCreate(cluster, manifest('probe', BAD));
const trusted = async () => (await readTrust(cluster)).match(/BEGIN CERTIFICATE/g)?.length ?? 0;
let kubeconfig = '';

beforeAll(async () => {
  await cluster.apply(configReloadCrd as never);
  const features = ['core', 'leader-election', 'admission'] as const;
  for (const object of rbacObjects({ features, namespace, watched: [namespace] })) await cluster.apply(object as never);
  kubeconfig = await cluster.serviceAccountKubeconfig({ namespace, name: 'leindex-reloader' });
});

/** Tries the invalid ConfigMap again and again until that signal; what came of each. */
async function stream(over: AbortSignal): Promise<{ refused: number; allowed: number }> {
  const count = { refused: 0, allowed: 0 };
  const one = async () => {
    while (!over.aborted) count[(await tryBad()).isAllowed ? 'allowed' : 'refused']++;
  };
  await Promise.all([one(), one(), one()]);
  return count;
}

describe('two replicas with certificates of their own', () => {
  const flags = ['--namespace', namespace, '--leader-elect', '--leader-elect-namespace', namespace];
  const start = (port: number) => startController(kubeconfig, ...flags, `--admission-listen=127.0.0.1:${port}`);
  let ports: number[] = [];
  let replicas: ControllerProcess[] = [];

  beforeAll(async () => {
    ports = [await findFreePort(), await findFreePort()];
    await pointWebhook(cluster, ports[0]!);
    replicas = await Promise.all(ports.map(start));
  });
  afterAll(async () => {
    await Promise.all(replicas.map((replica) => replica.stop()));
  });

  test('are ready when both are trusted: whichever is asked refuses, with the violations of `validate`', async () => {
    expect(await trusted()).toBe(2);
    const outcome = validateConfig(Buffer.from(BAD));
    expect(outcome).toMatchObject({ valid: false, violations: { length: 2 } });
    for (const port of ports) {
      await pointWebhook(cluster, port);
      const { message } = await tryBad();
      for (const { path, rule, message: why, line, column } of outcome.valid ? [] : outcome.violations)
        expect(message).toContain(`mcp.yaml:${line}:${column} ${path}: ${why} [${rule}]`);
    }
  });

  test('say it in advance at kubectl apply --dry-run=server, and give warnings where there is nothing to refuse', async () => {
    const text = JSON.stringify(manifest('new', BAD));
    await expect(cluster.kubectlApply(text, '--dry-run=server')).rejects.toThrow('memory.global_index_mb');
    await expect(cluster.kubectlApply(text)).rejects.toThrow('memory.global_index_mb');
    const { isAllowed, warnings } = await tryCreate(
      cluster,
      manifest('warned', `${configText(2048)}perfromance: {}\n`, { 'reload.leindex.io/strategi': 'auto' }),
    );
    expect(isAllowed).toBe(true);
    expect(warnings.join()).toMatch(/strategi.*mcp\.yaml:\d+:1 \$: .*perfromance.*\[unknown-top-level-key\]/);
  });

  test('at rest write nothing, and were forbidden nothing', async () => {
    const calls = async () =>
      await cluster.readAudit(
        ({ user: by, objectRef }) => by.username === user && objectRef?.resource === 'validatingwebhookconfigurations',
      );
    const writes = (all: Awaited<ReturnType<typeof calls>>) => all.filter(({ verb }) => verb !== 'get').length;
    const before = writes(await calls());
    const reads = (await calls()).length;
    await waitUntil({
      what: 'both have looked again',
      timeoutMs: 90_000,
      everyMs: 500,
      check: async () => (await calls()).length >= reads + 2,
    });
    const all = await calls();
    expect(writes(all)).toBe(before);
    expect(all.filter(({ responseStatus }) => (responseStatus?.code ?? 0) === 403)).toEqual([]);
  });

  test('one that hangs lets the edit pass, and the controller rejects it all the same', async () => {
    await cluster.apply(manifest('hung', configText(2048)) as never);
    await waitForReload(cluster, { namespace, name: 'hung' }, ({ appliedRevision }) => appliedRevision === 1);
    await pointWebhook(cluster, ports[0]!);
    await untilAllowed(false, tryBad);
    replicas[0]!.process.kill('SIGSTOP');
    try {
      await cluster.kubectlApply(JSON.stringify(manifest('hung', BAD)));
    } finally {
      replicas[0]!.process.kill('SIGCONT');
    }
    const status = await waitForReload(
      cluster,
      { namespace, name: 'hung' },
      ({ conditions }) => conditions.find(({ type }) => type === 'Valid')?.status === 'False',
    );
    expect(status.appliedRevision).toBe(1);
    await untilAllowed(false, tryBad);
  });

  test('with both down the edit passes; one that comes back rejects it, and is trusted anew', async () => {
    await Promise.all(replicas.map((replica) => replica.stop()));
    expect(await trusted()).toBe(0);
    await cluster.kubectlApply(JSON.stringify(manifest('down', BAD)));
    replicas = [await start(ports[0]!)];
    await waitForReload(
      cluster,
      { namespace, name: 'down' },
      ({ conditions }) => conditions.find(({ type }) => type === 'Valid')?.status === 'False',
    );
    expect((await tryBad()).isAllowed).toBe(false);
    expect(await trusted()).toBe(1);
  });

  test('one that was killed leaves its certificate, and its successor adds its own', async () => {
    await replicas[0]!.kill('SIGKILL');
    expect((await tryBad()).isAllowed).toBe(true);
    replicas = [await start(ports[0]!)];
    expect(await trusted()).toBe(2);
    expect((await tryBad()).isAllowed).toBe(false);
  });
});

describe('without a right', () => {
  const [rule] = permissions.admission;
  const grant = (verbs: readonly string[]) =>
    cluster.apply({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: 'leindex-reloader-admission' },
      rules: [{ apiGroups: [rule!.apiGroup], resources: [rule!.resource], resourceNames: rule!.resourceNames, verbs }],
    } as never);
  afterAll(() => grant(rule!.verbs));

  test.each(rule!.verbs)('to %s the configuration it is not ready, and says so; with it, it is', async (verb) => {
    const port = await findFreePort();
    await pointWebhook(cluster, port);
    await grant(rule!.verbs.filter((one) => one !== verb));
    const launched = launchController(
      main,
      kubeconfig,
      '--namespace',
      namespace,
      `--admission-listen=127.0.0.1:${port}`,
    );
    onTestFinished(() => launched.end('SIGKILL'));
    const readiness = async () => {
      const listening = launched.port();
      return listening === undefined ? undefined : await fetch(`http://127.0.0.1:${listening}/readyz`);
    };
    await waitUntil({
      what: 'it says what is missing',
      check: async () => (await (await readiness())?.text())?.includes('certificate cannot be published'),
    });
    expect(JSON.stringify(launched.log)).toContain('forbidden');
    expect((await tryBad()).isAllowed).toBe(true);
    await grant(rule!.verbs);
    await waitUntil({ what: 'it is ready', check: async () => (await readiness())?.ok });
    expect((await tryBad()).isAllowed).toBe(false);
  });
});

describe('certificates of its own, under a stream of invalid edits', () => {
  const MINUTE_MS = 60_000;
  const reviewer = createReviewer({ maxConfigBytes: 65_536 });
  const stop = new AbortController();
  const logger = pino({ level: 'silent' });
  let aheadMs = 0;
  let served = 0;
  const ends: (() => Promise<void>)[] = [];
  afterAll(async () => {
    for (const end of ends) await end();
  });

  test('not one is let through before, during and after three rotations', async () => {
    const server = await startWebhook({ host: '127.0.0.1', port: 0, review: reviewer.review });
    await pointWebhook(cluster, server.port);
    const client = createKubeClient({ kubeconfig, userAgent: 'test', logger });
    const keeper = new CertificateKeeper({
      trust: createWebhookTrust(client, { configuration: 'leindex-reloader', webhook: WEBHOOK_NAME }),
      serve: (pair) => {
        served++;
        server.replacePair(pair);
      },
      clock: systemClock,
      // Ahead by less than the hour that a certificate counts as valid before it was made.
      wallClock: () => new Date(Date.now() + aheadMs),
      logger,
      timing: { ...DEFAULT_KEEPER, lifeMs: 15 * MINUTE_MS, settleMs: 1_500, checkMs: 200 },
    });
    const running = keeper.run(stop.signal);
    ends.push(async () => {
      stop.abort();
      await running;
      await Promise.all([server.close(), reviewer.close(), client.close()]);
    });
    await untilAllowed(false, tryBad);
    const over = new AbortController();
    onTestFinished(() => over.abort());
    const streaming = stream(over.signal);
    const first = await readTrust(cluster);
    const before = await trusted();
    for (let rotation = 1; rotation <= 3; rotation++) {
      aheadMs += 10 * MINUTE_MS;
      await waitUntil({ what: `rotation ${rotation} was served`, check: () => served === rotation + 1 });
      await waitUntil({ what: 'the old one is gone', check: async () => (await trusted()) === before });
    }
    over.abort();
    const { refused, allowed } = await streaming;
    expect(allowed).toBe(0);
    expect(refused).toBeGreaterThan(20);
    expect(await readTrust(cluster)).not.toBe(first);
  });

  test('a bundle that somebody overwrote is put right', async () => {
    const { certificate } = (await CertificateAuthority.create()).pair;
    await cluster.kubectl(
      ...['patch', 'validatingwebhookconfiguration', 'leindex-reloader', '--type=json', '-p'],
      JSON.stringify([
        {
          op: 'replace',
          path: '/webhooks/0/clientConfig/caBundle',
          value: Buffer.from(certificate).toString('base64'),
        },
      ]),
    );
    await waitUntil({
      what: 'its own alone is trusted',
      check: async () => (await readTrust(cluster)) !== certificate,
    });
    expect(await readTrust(cluster)).not.toContain(certificate);
    await untilAllowed(false, tryBad);
  });
});

describe('certificates from files', () => {
  test('are followed when a mounted Secret is swapped, and every invalid edit is refused meanwhile', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'leindex-reloader-admission-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const authorities = [await CertificateAuthority.create(), await CertificateAuthority.create()];
    const certificates = authorities.map(({ pair }) => pair.certificate);
    /** As the kubelet writes a volume: a new folder, then one rename. */
    const mount = async (name: string, by: CertificateAuthority) => {
      await mkdir(join(folder, name));
      const { crt, key } = await saveKeyPair(
        join(folder, name),
        'tls',
        await by.issue({ commonName: 'webhook', hosts: ['127.0.0.1'] }),
      );
      await symlink(name, join(folder, '..next'));
      await rename(join(folder, '..next'), join(folder, '..data'));
      return { crt, key };
    };
    await mount('..one', authorities[0]!);
    for (const file of ['tls.crt', 'tls.key']) await symlink(join('..data', file), join(folder, file));
    const port = await findFreePort();
    const replica = await startController(
      kubeconfig,
      ...['--namespace', namespace, `--admission-listen=127.0.0.1:${port}`],
      ...[`--admission-cert=${join(folder, 'tls.crt')}`, `--admission-key=${join(folder, 'tls.key')}`],
    );
    await pointWebhook(cluster, port, certificates.join(''));
    await untilAllowed(false, tryBad);
    const over = new AbortController();
    onTestFinished(() => over.abort());
    const streaming = stream(over.signal);
    await mount('..two', authorities[1]!);
    await waitUntil({
      what: 'the new certificate is served',
      check: () => replica.log.some(({ msg }) => msg === 'the TLS certificate was replaced'),
    });
    await pointWebhook(cluster, port, certificates[1]);
    over.abort();
    const { refused, allowed } = await streaming;
    expect(allowed).toBe(0);
    expect(refused).toBeGreaterThan(10);
    expect((await tryBad()).isAllowed).toBe(false);
    await pointWebhook(cluster, port, certificates[0]);
    await untilAllowed(true, tryBad);
    await replica.stop();
  });
});
