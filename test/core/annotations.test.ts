import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { readPolicy } from '../../src/core/annotations.ts';

const P = 'reload.leindex.io/';
const optIn = (annotations: Record<string, string> = {}) =>
  readPolicy({
    [`${P}enabled`]: 'true',
    ...Object.fromEntries(Object.entries(annotations).map(([k, v]) => [P + k, v])),
  });

describe('opting in', () => {
  it.each(['TRUE', ' true', 'true ', '1', 'yes', '', 'True'])('is not done by %j', (value) => {
    expect(readPolicy({ [`${P}enabled`]: value })).toEqual({ kind: 'notOptedIn' });
  });
  it('is done by exactly "true", with every default filled in', () => {
    expect(optIn()).toEqual({
      kind: 'optedIn',
      warnings: [],
      policy: {
        key: undefined, strategy: 'auto', signal: 'SIGHUP', container: undefined, process: undefined, selector: undefined,
        timeoutMs: 30_000, canary: 0, batchSize: { percent: 100 }, onFailure: 'halt', onUnreloadable: 'report',
        publishTo: undefined, dryRun: false, paused: false, historyLimit: 100, tokenSecret: undefined,
        requestedAt: undefined, rollbackTo: undefined,
      },
    }); // prettier-ignore
  });
  it('is absent without annotations', () => {
    expect(readPolicy(undefined)).toEqual({ kind: 'notOptedIn' });
  });
});

describe('a value that can be read', () => {
  it.each([
    ['key', 'mcp.yaml', { key: 'mcp.yaml' }],
    ['strategy', 'endpoint', { strategy: 'endpoint' }],
    ['signal', 'SIGUSR2', { signal: 'SIGUSR2' }],
    ['container', 'app', { container: 'app' }],
    ['process', 'my.proc_1', { process: 'my.proc_1' }],
    ['selector', 'app=x,tier in (a, b)', { selector: 'app=x,tier in (a, b)' }],
    ['timeout', '1s', { timeoutMs: 1000 }],
    ['timeout', '10m', { timeoutMs: 600_000 }],
    ['timeout', '1m30s', { timeoutMs: 90_000 }],
    ['canary', '0', { canary: 0 }],
    ['batch-size', '10', { batchSize: { count: 10 } }],
    ['batch-size', '25%', { batchSize: { percent: 25 } }],
    ['on-failure', 'rollback', { onFailure: 'rollback' }],
    ['on-unreloadable', 'restart', { onUnreloadable: 'restart' }],
    ['publish-to', 'live.config', { publishTo: 'live.config' }],
    ['dry-run', 'true', { dryRun: true }],
    ['paused', 'false', { paused: false }],
    ['history-limit', '1', { historyLimit: 1 }],
    ['token-secret', 'reload-token', { tokenSecret: 'reload-token' }],
    ['requested-at', '2026-11-24T10:00:00Z', { requestedAt: '2026-11-24T10:00:00Z' }],
    ['rollback-to', '3', { rollbackTo: 3 }],
    ['rollback-to', 'previous', { rollbackTo: 'previous' }],
  ])('%s: %s', (annotation, value, expected) => {
    expect(optIn({ [annotation]: value })).toMatchObject({ kind: 'optedIn', policy: expected });
  });
});

describe('a value that cannot be read is named, never ignored', () => {
  it.each([
    ['key', '..data'], ['key', 'a/../b'], ['key', ''],
    ['strategy', 'exec'], ['strategy', ''],
    ['signal', 'KILL'], ['signal', '9'], ['signal', 'SIGHUP;id'], ['signal', 'sighup'],
    ['container', 'app; rm -rf /'], ['container', '$(id)'], ['container', '`id`'], ['container', 'app\nkill 1'],
    ['container', '-n'], ['container', '--help'], ['container', '../../x'], ['container', 'app?command=sh&container=other'],
    ['process', '.*'], ['process', ''], ['process', 'sixteen-letters-'], ['process', 'a b'], ['process', '$(id)'],
    ['selector', ''], ['selector', '{}'], ['selector', 'a=b,,c=d'], ['selector', `a=${'x'.repeat(64)}`], ['selector', 'a in ()x'],
    ['timeout', '-1s'], ['timeout', '1e9h'], ['timeout', 'NaN'], ['timeout', '5'], ['timeout', '500ms'], ['timeout', '11m'], ['timeout', ''],
    ['canary', '-1'], ['canary', '1e6'], ['canary', '1.5'], ['canary', ''],
    ['batch-size', '0'], ['batch-size', '0%'], ['batch-size', '101%'], ['batch-size', '-3'], ['batch-size', '%'],
    ['on-failure', 'explode'], ['on-unreloadable', 'delete'],
    ['publish-to', 'Not_A_Name'], ['publish-to', '../x'],
    ['dry-run', 'yes'], ['paused', '1'],
    ['history-limit', '0'], ['history-limit', '101'], ['history-limit', '-1'],
    ['token-secret', 'a/b'], ['requested-at', ''], ['requested-at', 'a\nb'],
    ['rollback-to', '0'], ['rollback-to', 'latest'],
  ])('%s: %j', (annotation, value) => {
    const reading = optIn({ [annotation]: value });
    expect(reading.kind).toBe('malformed');
    expect(reading).toMatchObject({ problems: [{ annotation, expected: expect.stringMatching(/\w/) }] });
  }); // prettier-ignore

  it('names all of them at once', () => {
    const reading = optIn({ timeout: 'x', signal: 'y', canary: 'z' });
    expect(reading.kind === 'malformed' && reading.problems.map(({ annotation }) => annotation)).toEqual([
      'signal',
      'timeout',
      'canary',
    ]);
  });

  it('escapes and shortens what it shows', () => {
    const reading = optIn({ strategy: `\u001b[31m\r\nforged\u202e${'x'.repeat(500)}` });
    const shown = reading.kind === 'malformed' ? reading.problems[0].value : '';
    expect(shown).not.toMatch(/[\u0000-\u001f\u202e]/);
    expect(shown.length).toBeLessThan(200);
  });
});

it('warns of an annotation that is not known, with the nearest one', () => {
  expect(optIn({ 'on-failuer': 'halt' })).toMatchObject({
    kind: 'optedIn',
    warnings: ['annotation reload.leindex.io/on-failuer is not known; did you mean on-failure?'],
  });
});

it('never throws, and opts in only by the exact word', () => {
  const names = fc.constantFrom(
    'enabled',
    'key',
    'timeout',
    'selector',
    'batch-size',
    'process',
    '__proto__',
    'toString',
  );
  fc.assert(
    fc.property(
      fc.dictionary(
        names.map((name) => P + name),
        fc.string(),
      ),
      (annotations) => {
        const { kind } = readPolicy(annotations);
        expect(kind !== 'notOptedIn').toBe(annotations[`${P}enabled`] === 'true');
      },
    ),
  );
});
