import { describe, expect, it } from 'vitest';
import { CommandError, type Io } from '../../src/cli/command.ts';
import {
  collect,
  collectUrls,
  duration,
  flag,
  hostPort,
  newCommand,
  readSettings,
  wholeNumber,
} from '../../src/cli/settings.ts';

function read(argv: string[], env: Record<string, string> = {}) {
  const written: string[] = [];
  const io = { stdout: { write: (text: string) => written.push(text) } } as unknown as Io;
  const command = newCommand('try', 'Try it.')
    .addOption(flag('--listen <host:port>', 'where', { parse: hostPort, default: hostPort('127.0.0.1:80') }))
    .addOption(flag('--watch', 'whether'))
    .addOption(flag('--no-sighup', 'not'))
    .addOption(flag('--name <name>', 'which', { parse: collect }))
    .addOption(flag('--notify <url>', 'whom', { parse: collectUrls, default: [] }))
    .addOption(flag('--wait <duration>', 'how long', { parse: duration, default: 30_000 }))
    .addOption(flag('--count <n>', 'how many', { parse: wholeNumber(1, 9) }));
  const result = readSettings<Record<string, unknown>>(command, argv, io, env);
  return { settings: result?.settings, written: written.join('') };
}

describe('settings', () => {
  it('have defaults', () => {
    expect(read([]).settings).toEqual({
      listen: { host: '127.0.0.1', port: 80 }, sighup: true, notify: [], wait: 30_000,
    }); // prettier-ignore
  });
  it('come from the command line', () => {
    expect(read(['--listen', '[::1]:90', '--watch', '--no-sighup', '--name', 'a', '--name', 'b,c', '--wait', '1m30s']).settings).toEqual({
      listen: { host: '::1', port: 90 }, watch: true, sighup: false, name: ['a', 'b', 'c'], notify: [], wait: 90_000,
    }); // prettier-ignore
  });
  it('come from the environment where the command line leaves them out', () => {
    const env = {
      LEINDEX_RELOADER_LISTEN: ':90', LEINDEX_RELOADER_WATCH: 'true', LEINDEX_RELOADER_NO_SIGHUP: '1', LEINDEX_RELOADER_NAME: 'a,b', LEINDEX_RELOADER_COUNT: '3',
    }; // prettier-ignore
    expect(read(['--count', '4', '--name=z'], env).settings).toMatchObject({
      listen: { host: '0.0.0.0', port: 90 }, watch: true, sighup: false, name: ['z'], count: 4,
    }); // prettier-ignore
  });
  it.each([
    ['one with a comma in its query', ['http://127.0.0.1:9/a?x=1,2'], ['http://127.0.0.1:9/a?x=1,2']],
    ['two in one word', ['http://a/?x=1,2,HTTPS://b/,http://c'], ['http://a/?x=1,2', 'HTTPS://b/', 'http://c']],
    ['several words', ['http://a/,b', 'https://c/'], ['http://a/,b', 'https://c/']],
  ])('a list of URLs is split only before http:// and https://: %s', (_, words, notify) => {
    expect(read(words.flatMap((word) => ['--notify', word])).settings).toMatchObject({ notify });
    expect(read([], { LEINDEX_RELOADER_NOTIFY: words.join(',') }).settings).toMatchObject({ notify });
  });
  it('are left alone by a variable that says false, or nothing', () => {
    expect(
      read([], { LEINDEX_RELOADER_WATCH: 'false', LEINDEX_RELOADER_NO_SIGHUP: '0', LEINDEX_RELOADER_COUNT: '' })
        .settings,
    ).toMatchObject({ sighup: true });
  });
  it.each([
    [['--listen', 'x'], {}, /"x" is not HOST:PORT/],
    [['--listen', '1.2.3.4:99999'], {}, /is not HOST:PORT/],
    [['--count', '0'], {}, /whole number from 1 to 9/],
    [['--wait', '5'], {}, /is not a duration/],
    [['--wach'], {}, /unknown option '--wach'[^]*--watch/],
    [['extra'], {}, /too many arguments/],
    [[], { LEINDEX_RELOADER_WATCH: 'yes\u001b' }, /LEINDEX_RELOADER_WATCH is "yes\\u001b"; it must be true or false/],
    [[], { LEINDEX_RELOADER_COUNT: 'many' }, /"many" is not a whole number/],
  ] as const)('%j %j is a usage error', (argv, env, message) => {
    expect(() => read([...argv], env)).toThrow(message);
    expect(() => read([...argv], env)).toThrow(CommandError);
    expect(() => read([...argv], env)).toThrow(/See: leindex-reloader try --help/);
  });
  it('help shows defaults as a person writes them', () => {
    const { written, settings } = read(['--help']);
    expect(settings).toBeUndefined();
    expect(written).toContain('(default: 127.0.0.1:80)');
    expect(written).toContain('(default: 30s)');
    expect(written).toContain('LEINDEX_RELOADER_LIKE_THIS');
  });
});
