import { describe, expect, it } from 'vitest';
import { readPolicy, type ReloadPolicy } from '../../src/core/annotations.ts';
import { findTargets } from '../../src/core/find-targets.ts';
import { formatRecord, recordAnnotation } from '../../src/core/target-record.ts';
import { pod, type PodBuilder } from '../fixtures/pod-builder.ts';

const addresses = { allowed: [], isHostNetworkAllowed: false };

function policy(annotations: Record<string, string> = {}): ReloadPolicy {
  const prefixed = Object.entries({ enabled: 'true', ...annotations }).map(([name, value]) => [
    `reload.leindex.io/${name}`,
    value,
  ]);
  const reading = readPolicy(Object.fromEntries(prefixed));
  if (reading.kind !== 'optedIn') throw new Error(JSON.stringify(reading));
  return reading.policy;
}

function find(pods: PodBuilder | PodBuilder[], annotations: Record<string, string> = {}) {
  const views = [pods].flat().map((one) => one.view());
  return findTargets(views, { source: 'cfg', mounted: 'cfg', key: 'mcp.yaml', policy: policy(annotations), addresses });
}

const channelOf = (found: ReturnType<typeof find>) => found.targets[0]?.channel;
const skippedReason = (found: ReturnType<typeof find>) => found.skipped.map(({ reason }) => reason);

describe('targets', () => {
  it('a mounted volume is reloaded by signal, with the path of the file', () => {
    expect(channelOf(find(pod().mounting('cfg').running()))).toEqual({
      kind: 'signal', signal: 'SIGHUP', process: undefined, file: '/etc/leindex/mcp.yaml',
    }); // prettier-ignore
  });
  it('items move the file', () => {
    const found = find(
      pod()
        .mounting('cfg', { items: [{ key: 'mcp.yaml', path: 'conf/x.yaml' }] })
        .running(),
    );
    expect(channelOf(found)).toMatchObject({ file: '/etc/leindex/conf/x.yaml' });
  });
  it('a projected volume counts, and a slash at the end of the mount path does not', () => {
    expect(channelOf(find(pod().projecting('cfg').running()))).toMatchObject({ file: '/etc/all/mcp.yaml' });
  });
  it('a port named leindex-reload is an endpoint', () => {
    const found = find(pod().mounting('cfg').withPort('leindex-reload', 8686).running());
    expect(channelOf(found)).toEqual({
      kind: 'endpoint',
      scheme: 'http',
      host: '10.0.0.7',
      port: 8686,
      path: '/v1/reload',
    });
  });
  it('the endpoint annotations move it', () => {
    const annotations = {
      'reload.leindex.io/endpoint-port': '9000',
      'reload.leindex.io/endpoint-path': '/x/y',
      'reload.leindex.io/endpoint-scheme': 'https',
    };
    const found = find(pod().mounting('cfg').withPort('admin', 9000).annotated(annotations).running());
    expect(channelOf(found)).toEqual({ kind: 'endpoint', scheme: 'https', host: '10.0.0.7', port: 9000, path: '/x/y' });
  });
  it('strategy: signal prefers the signal where there is an endpoint', () => {
    const found = find(pod().mounting('cfg').withPort('leindex-reload', 8686).running(), {
      strategy: 'signal',
      signal: 'SIGUSR1',
      process: 'srv',
    });
    expect(channelOf(found)).toMatchObject({ kind: 'signal', signal: 'SIGUSR1', process: 'srv' });
  });
  it('a sidecar with the endpoint is the one target of its pod', () => {
    const sidecar = {
      name: 'reloader',
      ports: [{ name: 'leindex-reload', containerPort: 8686 }],
      volumeMounts: [{ name: 'cfg', mountPath: '/c' }],
    };
    const found = find(pod().mounting('cfg').withContainer(sidecar).running());
    expect(found.targets.map(({ container }) => container)).toEqual(['reloader']);
  });
  it('a container beside the endpoint that only a restart would bring up to date is named, one that mounts the folder is not', () => {
    const others = [
      { name: 'folder', volumeMounts: [{ name: 'cfg', mountPath: '/c' }] },
      { name: 'file', volumeMounts: [{ name: 'cfg', mountPath: '/c/f', subPath: 'mcp.yaml' }] },
      { name: 'environment', envFrom: [{ configMapRef: { name: 'cfg' } }] },
    ];
    const server = pod().mounting('cfg').withPort('leindex-reload', 8686);
    for (const other of others) server.withContainer(other);
    const found = find(server.running());
    expect(found.targets.map(({ container }) => container)).toEqual(['app']);
    expect(found.skipped.map(({ container, reason }) => `${container} ${reason}`)).toEqual([
      'file SubPathMount',
      'environment EnvironmentUse',
    ]);
    expect(find(server, { container: 'app' }).skipped).toEqual([]);
  });
  it('every container that mounts the source is one, or just the one that is named', () => {
    const second = { name: 'b', volumeMounts: [{ name: 'cfg', mountPath: '/b' }] };
    expect(find(pod().mounting('cfg').withContainer(second).running()).targets.map((t) => t.container)).toEqual([
      'app',
      'b',
    ]);
    expect(
      find(pod().mounting('cfg').withContainer(second).running(), { container: 'b' }).targets.map((t) => t.container),
    ).toEqual(['b']);
  });
  it('pods that do not use the source are none', () => {
    expect(find([pod('a').mounting('other').running(), pod('b').running()])).toEqual({
      targets: [],
      skipped: [],
      pending: [],
    });
  });
  it('come in a stable order', () => {
    const found = find(['c', 'a', 'b'].map((name) => pod(name).mounting('cfg').running()));
    expect(found.targets.map((target) => target.pod)).toEqual(['a', 'b', 'c']);
  });
});

describe('pods that are no targets now', () => {
  it('a container that does not run is pending', () => {
    const pending = [{ pod: 'web-1', uid: 'uid-web-1', container: 'app', strategy: 'signal' }];
    expect(find(pod().mounting('cfg')).pending).toEqual(pending);
  });
  it.each(['Succeeded', 'Failed'])('a %s pod is left out', (phase) => {
    expect(
      find(
        pod()
          .mounting('cfg')
          .running()
          .with((p) => (p.status['phase'] = phase)),
      ).targets,
    ).toEqual([]);
  });
  it('a terminating pod is left out', () => {
    const ending = pod()
      .mounting('cfg')
      .running()
      .with((p) => (p.metadata['deletionTimestamp'] = '2026-11-24T10:00:00Z'));
    expect(find(ending).targets).toEqual([]);
  });
});

describe('uses that cannot be reloaded in place', () => {
  it.each([
    ['subPath', pod().mounting('cfg', {}, { subPath: 'mcp.yaml' }), 'SubPathMount'],
    ['env', pod().withEnvironmentOf('cfg', 'mcp.yaml'), 'EnvironmentUse'],
    ['envFrom', pod().withEnvironmentOf('cfg'), 'EnvironmentUse'],
    ['other keys mounted', pod().mounting('cfg', { items: [{ key: 'other', path: 'other' }] }), 'KeyNotMounted'],
    [
      'host network with an endpoint',
      pod()
        .mounting('cfg')
        .withPort('leindex-reload', 1)
        .with((p) => (p.spec['hostNetwork'] = true)),
      'HostNetwork',
    ],
    [
      'the processes of the node',
      pod()
        .mounting('cfg')
        .with((p) => (p.spec['hostPID'] = true)),
      'HostPID',
    ],
    [
      'a port that no container declares',
      pod().mounting('cfg').annotated({ 'reload.leindex.io/endpoint-port': '10250' }),
      'EndpointPortUnknown',
    ],
    [
      'a path that climbs',
      pod().mounting('cfg').withPort('leindex-reload', 1).annotated({ 'reload.leindex.io/endpoint-path': '/../x' }),
      'EndpointPathInvalid',
    ],
    [
      'a scheme of its own',
      pod().mounting('cfg').withPort('leindex-reload', 1).annotated({ 'reload.leindex.io/endpoint-scheme': 'gopher' }),
      'EndpointSchemeInvalid',
    ],
  ] as const)('%s', (_name, builder, reason) => {
    const found = find(builder.running());
    expect(found.targets).toEqual([]);
    expect(skippedReason(found)).toEqual([reason]);
  });
  it.each(['//evil.com/x', '/\\evil.com', '@evil.com', ':80@evil', '/a%0d%0aHost:%20x', '/a?b', '/a#b', 'v1', `/${'a'.repeat(128)}`, '/a\r\nb'])(
    'endpoint-path %j is refused', (path) => {
      const builder = pod().mounting('cfg').withPort('leindex-reload', 1).annotated({ 'reload.leindex.io/endpoint-path': path });
      expect(skippedReason(find(builder.running()))).toEqual(['EndpointPathInvalid']);
    }); // prettier-ignore
  it('an environment variable of another key is no use', () => {
    expect(find(pod().withEnvironmentOf('cfg', 'other').running())).toEqual({ targets: [], skipped: [], pending: [] });
  });
  it('no process by name either is signalled among those of the node, whose message says what to do', () => {
    const builder = pod()
      .mounting('cfg')
      .with((p) => (p.spec['hostPID'] = true));
    const found = find(builder.running(), { process: 'containerd' });
    expect(found).toMatchObject({ targets: [], pending: [], skipped: [{ reason: 'HostPID' }] });
    expect(found.skipped[0]?.message).toContain('offer an endpoint');
    expect(skippedReason(find(builder.running(), { strategy: 'endpoint' }))).toEqual(['NoEndpoint']);
  });
  it('a pod with the processes of its node is reached by its endpoint', () => {
    const builder = pod()
      .mounting('cfg')
      .withPort('leindex-reload', 8686)
      .with((p) => (p.spec['hostPID'] = true));
    expect(channelOf(find(builder.running()))).toMatchObject({ kind: 'endpoint' });
    expect(skippedReason(find(builder.running(), { strategy: 'signal' }))).toEqual(['HostPID']);
  });
  it('strategy: endpoint without one', () => {
    expect(skippedReason(find(pod().mounting('cfg').running(), { strategy: 'endpoint' }))).toEqual(['NoEndpoint']);
  });
  it('a key that every object has is in no items', () => {
    const query = { source: 'cfg', mounted: 'cfg', key: 'constructor', policy: policy(), addresses };
    const view = pod().mounting('cfg', { items: [{ key: 'other', path: 'other' }] }).running().view(); // prettier-ignore
    expect(skippedReason(findTargets([view], query))).toEqual(['KeyNotMounted']);
  });
  it('the endpoint of another container than the one that is named', () => {
    const sidecar = { name: 'reloader', ports: [{ name: 'leindex-reload', containerPort: 8686 }] };
    const found = find(pod().mounting('cfg').withContainer(sidecar).running(), { container: 'app' });
    expect(skippedReason(found)).toEqual(['EndpointPortUnknown']);
    expect(found.skipped[0]?.message).toContain('name reloader in the annotation container');
  });
  it('a container that is named and is not there', () => {
    expect(skippedReason(find(pod().mounting('cfg').running(), { container: 'x' }))).toEqual(['ContainerNotFound']);
  });
});

describe('consent', () => {
  const selected = { selector: 'app=x' };
  const other = () => pod().labelled({ app: 'x' }).withPort('leindex-reload', 8686);
  it('a selected pod that does not mount the source is left alone until its owner agrees', () => {
    expect(skippedReason(find(other().running(), selected))).toEqual(['NotAccepted']);
    expect(
      skippedReason(find(other().annotated({ 'reload.leindex.io/accept': 'another' }).running(), selected)),
    ).toEqual(['NotAccepted']);
  });
  it('then it is reached by its endpoint', () => {
    const found = find(other().annotated({ 'reload.leindex.io/accept': 'cfg' }).running(), selected);
    expect(found.targets).toMatchObject([{ isMounted: false, channel: { kind: 'endpoint' } }]);
  });
  it('but not by signal, for it has no file', () => {
    const agreed = pod().labelled({ app: 'x' }).annotated({ 'reload.leindex.io/accept': 'cfg' }).running();
    expect(skippedReason(find(agreed, { ...selected, strategy: 'signal' }))).toEqual(['NoFile']);
  });
  it('a selector leaves out pods that mount the source and do not match', () => {
    expect(find(pod().mounting('cfg').running(), selected).targets).toEqual([]);
  });
});

describe('records', () => {
  const hash = `sha256:${'a'.repeat(64)}`;
  const recorded = (id: string) =>
    pod().mounting('cfg').running()
      .annotated({ [recordAnnotation('cfg', 'app')]: formatRecord({ hash, containerId: id, request: '' }, 'cfg', 'app') }); // prettier-ignore
  it('say what this instance of the container runs', () => {
    expect(find(recorded('containerd://0123456789abcdef')).targets[0]?.record).toMatchObject({ hash, request: '' });
  });
  it('of an earlier instance say nothing', () => {
    expect(find(recorded('containerd://ffff')).targets[0]?.record).toBeUndefined();
  });
  it('have names that Kubernetes takes, for sources of any length', () => {
    expect(recordAnnotation('x'.repeat(253), 'y'.repeat(63))).toMatch(/^reload\.leindex\.io\/[a-z0-9.]{1,63}$/);
  });
});
