import { execFileSync } from 'node:child_process';
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname } from 'node:path';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { readEventLine, writeEventLine } from '../../src/manager/event-line.ts';
import { HistoryFile } from '../../src/manager/history-file.ts';
import { goodText, invalidText, newWorkspace, startManager } from './workspace.ts';

const logger = pino({ level: 'silent' });

/** Three real events, the second a failure. */
async function someEvents() {
  const { manager, workspace } = await startManager();
  for (const text of [goodText(60), invalidText, goodText(70)]) {
    workspace.write(text);
    await manager.reloadConfig();
  }
  return [...manager.getEventHistory()].reverse();
}

async function write(path: string, events: Awaited<ReturnType<typeof someEvents>>, limit = 100) {
  const file = await HistoryFile.open({ path, limit, logger });
  for (const event of events) file.append(event);
  await file.close();
}

describe('HistoryFile', () => {
  it('gives back exactly what was written, configurations and changes included, for its owner only', async () => {
    const events = await someEvents();
    const path = newWorkspace(null).in('history.jsonl');
    await write(path, events);
    expect((await HistoryFile.open({ path, limit: 100, logger })).earlier).toEqual(events);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(events.map((event) => readEventLine(writeEventLine(event)))).toEqual(events);
  });

  it('cut off at any byte, keeps every whole line and goes on without gluing the next to the torn one', async () => {
    const events = await someEvents();
    const path = newWorkspace(null).in('history.jsonl');
    await write(path, events);
    const whole = readFileSync(path);
    const ends = [...whole.entries()].filter(([, byte]) => byte === 10).map(([at]) => at + 1);
    for (let length = 0; length <= whole.length; length++) {
      writeFileSync(path, whole.subarray(0, length));
      const file = await HistoryFile.open({ path, limit: 100, logger });
      const kept = ends.filter((end) => end <= length).length;
      expect(file.earlier).toEqual(events.slice(0, kept));
      if (length % 50 !== 0) continue;
      file.append(events[2]!);
      await file.close();
      const again = await HistoryFile.open({ path, limit: 100, logger });
      expect(again.earlier).toEqual([...events.slice(0, kept), events[2]]);
    }
  });

  it('skips lines that are not its own, whatever they hold', async () => {
    const events = await someEvents();
    const path = newWorkspace(null).in('history.jsonl');
    const good = writeEventLine(events[0]!);
    const strange = [
      '',
      '{}',
      '[]',
      'null',
      '1',
      '{"id":1}',
      good.replace('"success"', '"great"'),
      good.replace('"memory"', '"__proto__"'),
    ];
    writeFileSync(path, `${strange.map((line) => line.trim()).join('\n')}\n${good}`);
    expect((await HistoryFile.open({ path, limit: 100, logger })).earlier).toEqual([events[0]]);
  });

  it('stays bounded on disk and keeps the newest', async () => {
    const { manager } = await startManager();
    const path = newWorkspace(null).in('history.jsonl');
    const file = await HistoryFile.open({ path, limit: 10, logger });
    const ids: string[] = [];
    let most = 0;
    for (let i = 0; i < 100; i++) {
      const { event } = await manager.reloadConfig();
      ids.push(event.id);
      file.append(event);
      await file.close();
      most = Math.max(most, readFileSync(path, 'utf8').split('\n').length - 1);
    }
    expect(most).toBeLessThanOrEqual(20);
    const { earlier } = await HistoryFile.open({ path, limit: 10, logger });
    expect(earlier.map(({ id }) => id)).toEqual(ids.slice(-10));
    expect(readdirSync(dirname(path))).toEqual([basename(path)]);
  });

  it('F39: a disk that refuses costs no reload, and the history is whole again once it does not', async () => {
    const blocked = newWorkspace(null).in('blocked');
    writeFileSync(blocked, 'a file where a folder should be');
    const { manager, workspace } = await startManager({ historyFile: `${blocked}/history.jsonl` });
    for (let size = 60; size < 63; size++) {
      workspace.write(goodText(size));
      expect((await manager.reloadConfig()).result).toBe('success');
    }
    expect(manager.getEventHistory()).toHaveLength(3);
    rmSync(blocked);
    mkdirSync(blocked);
    workspace.write(goodText(63));
    await manager.reloadConfig();
    await manager.stop();
    const { earlier } = await HistoryFile.open({ path: `${blocked}/history.jsonl`, limit: 100, logger });
    expect([...earlier].reverse()).toEqual(manager.getEventHistory());
  });

  it('closed while a write fails, tries once more: no later event will', async () => {
    const events = await someEvents();
    const blocked = newWorkspace(null).in('blocked');
    writeFileSync(blocked, 'a file where a folder should be');
    let isClosing = false;
    const mendAtFailure = pino(
      { level: 'warn' },
      {
        write: () => {
          if (!isClosing) return;
          rmSync(blocked);
          mkdirSync(blocked);
        },
      },
    );
    const path = `${blocked}/history.jsonl`;
    const file = await HistoryFile.open({ path, limit: 100, logger: mendAtFailure });
    for (const event of events) file.append(event);
    isClosing = true;
    await file.close();
    expect((await HistoryFile.open({ path, limit: 100, logger })).earlier).toEqual(events);
  });

  it('survives restarts of the manager, and clearing it clears the disk', async () => {
    const historyFile = newWorkspace(null).in('history.jsonl');
    const first = await startManager({ historyFile });
    first.workspace.write(goodText(60));
    await first.manager.reloadConfig();
    await first.manager.stop();
    const second = await startManager({ historyFile, text: goodText(60) });
    expect(second.manager.getEventHistory()).toEqual(first.manager.getEventHistory()); // nothing changed while it was away
    await second.manager.stop();
    const third = await startManager({ historyFile, text: goodText(70) });
    expect(third.manager.getEventHistory()[0]).toMatchObject({ trigger: 'file', result: 'success' }); // this did
    expect(third.manager.clearHistory()).toBe(2);
    await third.manager.stop();
    expect(readFileSync(historyFile, 'utf8')).toBe('');
  });

  it('writes into no file that a planted link leads to', async () => {
    const events = await someEvents();
    const { in: at } = newWorkspace(null);
    const victim = at('victim');
    writeFileSync(victim, 'precious');
    const path = at('history.jsonl');
    symlinkSync(victim, `${path}.tmp`);
    await write(path, [...events, ...events, ...events], 1); // more than twice the limit: rewritten
    expect((await HistoryFile.open({ path, limit: 1, logger })).earlier).toEqual([events[2]]);

    const link = at('link.jsonl');
    symlinkSync(victim, link);
    await write(link, events);
    expect((await HistoryFile.open({ path: link, limit: 100, logger })).earlier).toEqual([]);
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(readFileSync(victim, 'utf8')).toBe('precious');
  });

  it('does not wait for the other end of a FIFO, at start or stop, and is whole again where the FIFO is gone', async () => {
    const historyFile = newWorkspace(null).in('history.jsonl');
    execFileSync('mkfifo', [historyFile]);
    const first = await startManager({ historyFile });
    first.workspace.write(goodText(60));
    await first.manager.reloadConfig();
    expect(lstatSync(historyFile).isFIFO()).toBe(true);
    rmSync(historyFile);
    await first.manager.stop();
    const { earlier } = await HistoryFile.open({ path: historyFile, limit: 100, logger });
    expect([...earlier].reverse()).toEqual(first.manager.getEventHistory());

    const second = await startManager({ historyFile: `${historyFile}.2` });
    execFileSync('mkfifo', [`${historyFile}.2`]); // planted while it runs
    second.workspace.write(goodText(60));
    expect((await second.manager.reloadConfig()).result).toBe('success');
    await second.manager.stop();
  });

  it('sets a file that is too large aside, and keeps its own events from then on', async () => {
    const events = await someEvents();
    const path = newWorkspace(null).in('history.jsonl');
    writeFileSync(path, writeEventLine(events[0]!));
    truncateSync(path, 65 * 1024 * 1024);
    await write(path, events.slice(1));
    expect((await HistoryFile.open({ path, limit: 100, logger })).earlier).toEqual(events.slice(1));
    expect(statSync(`${path}.aside`).size).toBe(65 * 1024 * 1024);
  });
});
