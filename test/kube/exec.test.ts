import { KubeConfig } from '@kubernetes/client-node';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, describe, expect, test } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { contentHash } from '../../src/core/content-hash.ts';
import type { TargetReason } from '../../src/core/reasons.ts';
import { createSignals } from '../../src/kube/exec-signal.ts';
import type { AttemptResult } from '../../src/operator/ports.ts';

const hash = contentHash('version: "2.0"\n');
const otherHash = contentHash('another');
const hex = (of: string) => of.replace('sha256:', '');

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** What the server does with the exec that was granted, or with the connection that asks for one. */
type Play = (socket: WebSocket) => unknown;
type Refuse = (connection: Duplex) => unknown;

interface Exec {
  readonly play?: Play;
  readonly refuse?: Refuse;
  /** The one protocol that the server speaks; undefined: none. */
  readonly protocol?: string | undefined;
}

/** Listens on loopback, and speaks as the API server does of an exec. */
async function listen(exec: Exec): Promise<{ kubeConfig: KubeConfig; requests: IncomingMessage[] }> {
  const protocol = 'protocol' in exec ? exec.protocol : 'v5.channel.k8s.io';
  const requests: IncomingMessage[] = [];
  const connections = new Set<Duplex>();
  const sockets = new WebSocketServer({
    noServer: true,
    handleProtocols: (offered) => (protocol !== undefined && offered.has(protocol) ? protocol : false),
  });
  const server = createServer();
  server.on('upgrade', (request: IncomingMessage, connection: Duplex, head: Buffer) => {
    requests.push(request);
    connections.add(connection.on('error', () => undefined));
    if (exec.refuse) void exec.refuse(connection);
    else
      sockets.handleUpgrade(
        request,
        connection,
        head,
        (socket) => void exec.play?.(socket.on('error', () => undefined)),
      );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => {
    for (const connection of connections) connection.destroy();
    server.close();
  });
  const kubeConfig = new KubeConfig();
  const { port } = server.address() as AddressInfo;
  kubeConfig.loadFromClusterAndUser(
    { name: 'c', server: `http://127.0.0.1:${port}`, skipTLSVerify: true },
    { name: 'u', token: 'its-token' },
  );
  return { kubeConfig, requests };
}

interface Attempt {
  readonly deadlineMs?: number;
  readonly process?: string;
  readonly signal?: AbortSignal;
}

function send(kubeConfig: KubeConfig, { deadlineMs = 5_000, process, signal }: Attempt = {}): Promise<AttemptResult> {
  const running = { containerId: 'containerd://1', restartCount: 0, startedAt: 0, isReady: true };
  const channel = { kind: 'signal', signal: 'SIGHUP', process, file: '/etc/le index/mcp.yaml' } as const;
  const target = {
    namespace: 'ns', pod: 'web-1', uid: 'u', container: 'app', running, record: undefined, isMounted: true, channel,
  }; // prettier-ignore
  return createSignals(() => kubeConfig).attempt(
    { target, channel, hash, waitMs: 0, isForced: false, deadlineMs },
    signal ?? new AbortController().signal,
  );
}

const attempt = async (exec: Exec, how: Attempt = {}) => send((await listen(exec)).kubeConfig, how);

const STDOUT = 1;
const STDERR = 2;
const STATUS = 3;
const frame = (channel: number, content: string) => Buffer.concat([Buffer.of(channel), Buffer.from(content)]);
const json = (status: unknown) => frame(STATUS, JSON.stringify(status));
const success = json({ metadata: {}, status: 'Success' });
const exit = (code: number) =>
  json({
    status: 'Failure',
    reason: 'NonZeroExitCode',
    message: `command terminated with non-zero exit code: exit status ${code}`,
    details: { causes: [{ reason: 'ExitCode', message: String(code) }] },
  });
const failure = (message: string) =>
  json({ status: 'Failure', reason: 'InternalError', message, details: { causes: [{ message }] }, code: 500 });
const say = (word: string, of = hex(hash)) => frame(STDOUT, `leindex-reloader ${word} ${of} 7\n`);

/** Sends these frames, and closes as the API server does. */
const frames =
  (...sent: readonly Buffer[]): Play =>
  (socket) => {
    for (const one of sent) socket.send(one);
    socket.close(1000);
  };

const head = (status: string, body: string) =>
  `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
const refusal =
  (status: string, message = 'says why'): Refuse =>
  (connection) =>
    connection.end(head(status, JSON.stringify({ kind: 'Status', message })));

describe('a word of the script', () => {
  const words: Readonly<Record<string, TargetReason>> = {
    signalled: 'SignalDelivered',
    fresh: 'StartedWithConfig',
    stale: 'PropagationTimeout',
    missing: 'FileMissing',
    'no-hash-tool': 'HashToolMissing',
    'no-process': 'ProcessNotFound',
    starting: 'ProcessStarting',
    unhandled: 'SignalNotHandled',
    debugger: 'SignalNotHandled',
    'not-permitted': 'SignalNotPermitted',
    crashed: 'ProcessCrashed',
  };
  test.each(Object.entries(words))('%s → %s', async (word, reason) => {
    expect(await attempt({ play: frames(say(word), success) })).toMatchObject({ reason });
  });

  test('counts by the text that the file has', async () => {
    const play = frames(say('signalled'), success);
    expect(await attempt({ play })).toEqual({
      reason: 'SignalDelivered', message: '', hash, provenAfterMs: expect.any(Number),
    }); // prettier-ignore
    expect(await attempt({ play: frames(say('fresh'), success) })).toMatchObject({ hash });
    expect(await attempt({ play: frames(say('stale', hex(otherHash)), success) })).toMatchObject({ hash: otherHash });
    expect(await attempt({ play: frames(say('stale', '-'), success) })).toMatchObject({ hash: null });
  });

  test.each(['signalled', 'fresh'])('F28: %s proves nothing of another text, or of none', async (word) => {
    for (const of of [hex(otherHash), '-', hex(hash).toUpperCase(), `${hex(hash)}0`]) {
      const result = await attempt({ play: frames(say(word, of), success) });
      expect(result).toEqual({ reason: 'ExecUnintelligible', message: expect.stringContaining(word), hash: null });
    }
  });

  test('comes in any pieces, after anything else, over both protocols', async () => {
    const [start, end] = [say('signalled').subarray(0, 20), say('signalled').subarray(20)];
    const pieces = [
      Buffer.of(),
      Buffer.of(STDOUT),
      frame(STDERR, 'sh: a warning\n'),
      frame(STDOUT, 'motd\n'),
      start,
      Buffer.concat([Buffer.of(STDOUT), end]),
      frame(255, '\u0001'), // CLOSE of stdout, in v5
      frame(9, 'a channel of tomorrow'),
      success,
    ];
    for (const protocol of ['v5.channel.k8s.io', 'v4.channel.k8s.io']) {
      expect(await attempt({ play: frames(...pieces), protocol })).toMatchObject({ reason: 'SignalDelivered' });
    }
  });

  test('unhandled says whose process 1 may be, where none is named', async () => {
    const play = frames(say('unhandled'), success);
    expect((await attempt({ play })).message).toMatch(/^process 1 .*annotation process .*pause container/);
    expect((await attempt({ play }, { process: 'leindex' })).message).not.toContain('pause');
  });
});

describe('an end without a word', () => {
  const ends: Readonly<Record<string, readonly [Play, TargetReason]>> = {
    'exit code 126': [frames(exit(126)), 'ShellMissing'],
    'exit code 127': [frames(exit(127)), 'ShellMissing'],
    'exit code 137': [frames(exit(137)), 'ProcessCrashed'],
    'exit code 143': [frames(exit(143)), 'ProcessCrashed'],
    'exit code 2': [frames(frame(STDERR, 'sh: syntax error\n'), exit(2)), 'ExecUnintelligible'],
    'nothing at all': [frames(success), 'ExecUnintelligible'],
    'a word that is none': [frames(say('constructor'), success), 'ExecUnintelligible'],
    'a word on stderr': [frames(frame(STDERR, say('signalled').toString('utf8', 1)), success), 'ExecUnintelligible'],
    'a word after more than is kept': [
      frames(frame(STDOUT, `${'x'.repeat(20_000)}\n`), say('signalled'), success),
      'ExecUnintelligible',
    ],
    'no sh, says containerd': [
      frames(failure('exec: "sh": executable file not found in $PATH: unknown')),
      'ShellMissing',
    ],
    'no sh, says CRI-O': [frames(failure('executing `sh`: No such file or directory: OCI not found')), 'ShellMissing'],
    'no such container': [frames(failure('container not found ("app")')), 'ExecFailed'],
    'no reason': [frames(json({ status: 'Failure' })), 'ExecFailed'],
  };
  test.each(Object.entries(ends))('%s', async (_name, [play, reason]) => {
    expect(await attempt({ play })).toMatchObject({ reason, hash: null });
  });

  test('what the runtime says is shown without control characters, and in part', async () => {
    const { message } = await attempt({ play: frames(failure(`\u001b]0;pwned\u0007\u202e\n${'x'.repeat(2_000)}`)) });
    expect(message).toContain('\\u001b]0;pwned\\u0007\\u202e\\u000axxx');
    expect(message.length).toBeLessThan(700);
  });
});

describe('F21: a status of another form is no answer, and ends nothing', () => {
  const causes = (value: unknown) => json({ status: 'Failure', message: 'm', details: { causes: value } });
  const coded = (message: unknown) => causes([{ reason: 'ExitCode', message }]);
  const statuses: Readonly<Record<string, Buffer>> = {
    'an empty one': frame(STATUS, ''),
    'no JSON': frame(STATUS, '{"status":'),
    'no UTF-8': Buffer.of(STATUS, 0xff, 0xfe),
    null: json(null),
    'a number': json(5),
    'a list': json([{ status: 'Success' }]),
    'an empty object': json({}),
    'a status that is none': json({ status: 5 }),
    'a deep one': frame(STATUS, '['.repeat(200_000)),
    'causes of null': causes([null]),
    'causes that are an object': causes({}),
    'causes that are text': causes('ExitCode'),
    'details of null': json({ status: 'Failure', details: null }),
    'a message that is an object': json({ status: 'Failure', message: {} }),
    'a message that is a number': json({ status: 'Failure', message: 5 }),
    'an exit code of null': coded(null),
    'an exit code that is an object': coded({}),
    'an exit code that is a number': coded(0),
    'an empty exit code': coded(''),
    'an exit code below zero': coded('-1'),
  };
  test.each(Object.entries(statuses))('%s', async (_name, status) => {
    const result = await attempt({ play: frames(say('signalled'), status) });
    expect(result).toMatchObject({ reason: 'ExecFailed', hash: null });
  });

  test('a frame larger than any status', async () => {
    const play = frames(frame(STATUS, 'x'.repeat(1024 * 1024 + 1)));
    expect(await attempt({ play })).toMatchObject({ reason: 'ExecFailed' });
  });
});

describe('F21: no end', () => {
  const silences: Readonly<Record<string, Exec>> = {
    'the exec hangs': { play: () => undefined },
    'it hangs after its word': { play: (socket) => socket.send(say('signalled')) },
    'the handshake hangs': { refuse: () => undefined },
    'the refusal hangs': {
      refuse: (connection) => connection.write('HTTP/1.1 500 Oops\r\ncontent-length: 100\r\n\r\n{'),
    },
  };
  test.each(Object.entries(silences))('%s: its deadline ends it', async (_name, exec) => {
    const started = performance.now();
    expect(await attempt(exec, { deadlineMs: 200 })).toMatchObject({ reason: 'ExecTimeout', hash: null });
    expect(performance.now() - started).toBeLessThan(3_000);
  });

  const breaks: Readonly<Record<string, Exec>> = {
    'the connection drops before the handshake': { refuse: (connection) => connection.destroy() },
    'the connection drops after the start': { play: (socket) => socket.terminate() },
    'the connection drops after the word': {
      play: (socket) => socket.send(say('signalled'), () => socket.terminate()),
    },
    'stdout is closed, and no status comes': { play: frames(say('signalled'), frame(255, '\u0001')) },
    'the server speaks another protocol': { play: frames(success), protocol: undefined },
    'what comes is no WebSocket': { play: () => undefined, refuse: (connection) => connection.end('SSH-2.0-x\r\n') },
  };
  test.each(Object.entries(breaks))('%s: what happened is not known', async (_name, exec) => {
    const result = await attempt(exec);
    expect(result).toMatchObject({ reason: 'ExecFailed', hash: null });
    expect(result.message).toContain('whether the signal was sent is not known');
  });

  test('an abort from outside rejects, and cuts the connection', async () => {
    const reason = new Error('stopping');
    const ending = new AbortController();
    const closed = Promise.withResolvers<unknown>();
    const play: Play = (socket) => {
      socket.on('close', closed.resolve);
      ending.abort(reason);
    };
    await expect(attempt({ play }, { signal: ending.signal })).rejects.toBe(reason);
    await closed.promise;
    await expect(attempt({ play: () => undefined }, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});

describe('a refusal', () => {
  const refusals: Readonly<Record<string, readonly [Refuse, TargetReason]>> = {
    '401': [refusal('401 Unauthorized'), 'ExecForbidden'],
    '403': [refusal('403 Forbidden'), 'ExecForbidden'],
    '404': [refusal('404 Not Found'), 'TargetGone'],
    '400': [refusal('400 Bad Request'), 'ExecFailed'],
    '500': [refusal('500 Internal Server Error'), 'ExecFailed'],
    'a redirect, which is not followed': [
      (connection) => connection.end('HTTP/1.1 302 Found\r\nlocation: ws://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n'),
      'ExecFailed',
    ],
    'a body that is cut': [
      (connection) => connection.end('HTTP/1.1 500 Oops\r\ncontent-length: 100\r\n\r\n{"kind"'),
      'ExecFailed',
    ],
    'a body without an end': [
      (connection) => {
        connection.write('HTTP/1.1 500 Oops\r\n\r\n');
        const pour = (): void => {
          if (connection.writable) connection.write('x'.repeat(4_096), () => setImmediate(pour));
        };
        pour();
      },
      'ExecFailed',
    ],
  };
  test.each(Object.entries(refusals))('%s', async (_name, [refuse, reason]) => {
    expect(await attempt({ refuse })).toMatchObject({ reason, hash: null });
  });

  test('says why, without control characters', async () => {
    const { message } = await attempt({ refuse: refusal('500 Oops', 'etcd\u001b[2J is\nfull') });
    expect(message).toBe('exec: 500 etcd [2J is full');
  });
});

test('asks for one container and one command, each word in its place', async () => {
  const { kubeConfig, requests } = await listen({ play: frames(say('signalled'), success) });
  await send(kubeConfig, { process: 'leindex' });
  const url = new URL(requests[0]?.url ?? '', 'http://x');
  expect(url.pathname).toBe('/api/v1/namespaces/ns/pods/web-1/exec');
  expect(url.searchParams.getAll('container')).toEqual(['app']);
  expect(url.searchParams.get('stdin')).toBe('false');
  const words = url.searchParams.getAll('command');
  expect(words.slice(0, 2)).toEqual(['sh', '-c']);
  expect(words.slice(4)).toEqual(['/etc/le index/mcp.yaml', hex(hash), 'HUP', '1', 'leindex', '0', '0']);
  expect(requests[0]?.headers.authorization).toBe('Bearer its-token');
});
