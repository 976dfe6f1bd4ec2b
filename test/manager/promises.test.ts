/** Promises 1, 2, 5, 6 and 7 of the contract inside the process. Each test names the line of code that it guards. */
import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { contentHash } from '../../src/core/content-hash.ts';
import { validateConfig } from '../../src/core/validate-config.ts';
import type { SignalSource } from '../../src/manager/sighup.ts';
import { afterTest, gate, goodText, invalidText, malformedText, startManager, until } from './workspace.ts';

const tick = () => new Promise((resolve) => setTimeout(resolve, 20));
const newSource = () => new EventEmitter() as EventEmitter & SignalSource;

describe('promise 1, gate: what did not pass validation reaches nobody', () => {
  const refused = {
    invalid: invalidText,
    malformed: malformedText,
    empty: '',
    blank: ' \n',
    comment: '# nothing\n',
    null: '~\n',
  };
  for (const [name, text] of Object.entries(refused)) {
    it(`neither observers nor readers nor a target see a text that is ${name}, by file, push, hash or force`, async () => {
      const applied: string[] = [];
      const target = {
        readsFile: false,
        apply: async ({ hash }: { hash: string }) => {
          applied.push(hash);
          return 'SignalDelivered' as const;
        },
      };
      const { manager, workspace } = await startManager({ target, initialApply: 'never' });
      let calls = 0;
      manager.subscribe(() => {
        calls++;
      });
      const before = manager.getRunning();
      const hash = workspace.write(text);
      for (const request of [
        {},
        { config: text },
        { config: text, hash },
        { hash },
        { force: true },
        { dryRun: true },
      ]) {
        expect((await manager.reloadConfig(request)).result).toBe('validation_failed');
      }
      expect([manager.getRunning(), calls, applied]).toEqual([before, 0, []]);
    });
  }

  it('a text that could not be validated is not loaded', async () => {
    let mustFail = false;
    const { manager, workspace } = await startManager({
      validate: (content) =>
        mustFail ? Promise.reject(new Error('no thread')) : Promise.resolve(validateConfig(content)),
    });
    const before = manager.getRunning();
    workspace.write(goodText(60));
    mustFail = true;
    expect(await manager.reloadConfig()).toMatchObject({ result: 'io_error', reason: 'ValidatorFailed' });
    expect(manager.getRunning()).toBe(before);
  });

  it('an answer of the validator for another text counts as none', async () => {
    const { manager, workspace } = await startManager({
      validate: () => Promise.resolve(validateConfig(goodText(50))),
    });
    workspace.write(invalidText);
    expect(await manager.reloadConfig()).toMatchObject({ reason: 'ValidatorFailed' });
  });

  it('a missing or empty file at the start means nothing, not defaults', async () => {
    for (const text of [null, '']) {
      const { manager, started, workspace } = await startManager({ text });
      expect(started.result).toBe(text === null ? 'file_not_found' : 'validation_failed');
      expect(manager.getCurrentConfig()).toBeNull();
      expect(manager.getEventHistory()).toHaveLength(1);
      workspace.write(goodText(60));
      expect((await manager.reloadConfig()).event).toMatchObject({ result: 'success', oldHash: null, oldConfig: null });
    }
  });
});

describe('promise 2, last known good', () => {
  it('a target that refuses leaves what ran, and the text is offered again', async () => {
    let mustFail = true;
    const { manager, workspace } = await startManager({
      initialApply: 'never',
      target: {
        readsFile: true,
        apply: () => (mustFail ? Promise.reject(new Error('gone')) : Promise.resolve('SignalDelivered' as const)),
      },
    });
    const before = manager.getRunning();
    workspace.write(goodText(60));
    expect((await manager.reloadConfig()).result).toBe('io_error');
    expect(manager.getRunning()).toBe(before);
    mustFail = false;
    expect(await manager.reloadConfig()).toMatchObject({ result: 'success', reason: 'SignalDelivered' });
    expect(manager.getCurrentConfig()?.performance.batch_size).toBe(60);
  });
});

describe('promise 5, delivery', () => {
  it('the same hash pushed many times is applied once', async () => {
    const { manager } = await startManager();
    let calls = 0;
    manager.subscribe(() => {
      calls++;
    });
    const config = goodText(60);
    for (let i = 0; i < 20; i++) {
      const outcome = await manager.reloadConfig({ config, hash: contentHash(config), trigger: 'configmap' });
      expect(outcome).toMatchObject({ result: 'success', unchanged: i > 0 });
    }
    expect(calls).toBe(1);
  });

  it('a file left behind by a push never reverts it: not by watch, signal or request, nor when it shows a text in between', async () => {
    const source = newSource();
    const { manager, workspace } = await startManager({
      handleSignals: true,
      signalSource: source,
      watch: true,
      pollMs: 20,
      debounceMs: 1,
      pushHoldMs: 60_000,
    });
    const applied: (number | undefined)[] = [];
    manager.subscribe((_old, now) => {
      applied.push(now.performance.batch_size);
    });
    await manager.reloadConfig({ config: goodText(60) }); // the file still holds 50
    await manager.reloadConfig({ config: goodText(70) });
    expect(await manager.reloadConfig()).toMatchObject({
      result: 'success',
      reason: 'FileSuperseded',
      unchanged: true,
    });
    source.emit('SIGHUP');
    await tick();
    workspace.write(goodText(60)); // the kubelet brings the text in between
    await tick();
    workspace.write(goodText(55)); // and one that this process never saw
    await tick();
    expect(manager.getCurrentConfig()?.performance.batch_size).toBe(70);
    workspace.write(goodText(70)); // the file has caught up
    await tick();
    expect(manager.getRunning()?.origin).toBe('push');
    workspace.write(goodText(50)); // from here on every change is newer, also back to an old text
    await until('the file to be followed again', () => manager.getCurrentConfig()?.performance.batch_size === 50);
    expect(applied).toEqual([60, 70, 50]);
  });

  it('a file text never seen before is loaded once the hold after a push is over', async () => {
    const { manager, workspace } = await startManager({ watch: true, pollMs: 10, debounceMs: 1, pushHoldMs: 100 });
    await manager.reloadConfig({ config: goodText(60) });
    workspace.write(goodText(80));
    await until('the file text', () => manager.getCurrentConfig()?.performance.batch_size === 80);
  });

  it('force, a rollback and a named hash may go back to the file', async () => {
    for (const request of [{ force: true }, { trigger: 'rollback' as const }, { hash: contentHash(goodText(50)) }]) {
      const { manager } = await startManager();
      await manager.reloadConfig({ config: goodText(60) });
      expect(await manager.reloadConfig(request)).toMatchObject({ result: 'success', unchanged: false });
      expect(manager.getCurrentConfig()?.performance.batch_size).toBe(50);
    }
  });

  it('a hash alone waits for the file, without refusing others meanwhile, and ends with its deadline', async () => {
    const { manager, workspace } = await startManager({ hashTimeoutMs: 5000 });
    const waiting = manager.reloadConfig({ hash: contentHash(goodText(60)) });
    await tick();
    expect(manager.isReloadInProgress()).toBe(false);
    expect((await manager.reloadConfig()).result).toBe('success');
    workspace.write(goodText(60));
    expect(await waiting).toMatchObject({ result: 'success', reason: 'Reloaded', hash: contentHash(goodText(60)) });
    const { manager: impatient } = await startManager({ hashTimeoutMs: 60 });
    const late = await impatient.reloadConfig({ hash: contentHash('never') });
    expect(late).toMatchObject({ result: 'io_error', reason: 'PropagationTimeout' });
    expect(late.event.errorMessage).toContain(contentHash(goodText(50)));
  });

  it('a pushed text that is not the hash it came with is refused', async () => {
    const { manager } = await startManager();
    const outcome = await manager.reloadConfig({ config: goodText(60), hash: contentHash(goodText(61)) });
    expect(outcome).toMatchObject({ result: 'io_error', reason: 'HashMismatch' });
    expect(manager.getCurrentConfig()?.performance.batch_size).toBe(50);
  });
});

describe('promise 6, supersede', () => {
  it('a signal at any instant of a reload is followed by exactly one load that began after it', async () => {
    const source = newSource();
    let stage: { name: 'validating' | 'notifying'; reached: () => void; passed: Promise<unknown> } | undefined;
    const { manager, workspace } = await startManager({
      handleSignals: true,
      signalSource: source,
      validate: async (content) => {
        if (stage?.name === 'validating') {
          stage.reached();
          await stage.passed;
        }
        return validateConfig(content);
      },
    });
    manager.subscribe(async () => {
      if (stage?.name !== 'notifying') return;
      stage.reached();
      await stage.passed;
    });
    let size = 60;
    for (const name of ['validating', 'notifying'] as const) {
      const reached = gate();
      const passed = gate();
      stage = { name, reached: reached.open, passed: passed.opened };
      const total = manager.getStats().totalReloads;
      workspace.write(goodText(size++));
      const first = manager.reloadConfig();
      await reached.opened;
      workspace.write(goodText(size++));
      for (let i = 0; i < 10; i++) source.emit('SIGHUP');
      stage = undefined;
      passed.open();
      await first;
      await until('the follow-up', () => manager.getCurrentConfig()?.performance.batch_size === size - 1);
      await tick();
      expect(manager.getStats().totalReloads).toBe(total + 2);
    }
  });

  it('a failed reload never blocks the next', async () => {
    const { manager, workspace } = await startManager();
    for (let size = 60; size < 70; size++) {
      workspace.write(invalidText);
      expect((await manager.reloadConfig()).result).toBe('validation_failed');
      workspace.write(goodText(size));
      expect((await manager.reloadConfig()).result).toBe('success');
    }
  });

  it('good, bad, good ends as good alone does, and so does bad first', async () => {
    const ends = [];
    for (const texts of [[goodText(60)], [goodText(55), invalidText, goodText(60)], [invalidText, goodText(60)]]) {
      const { manager, workspace } = await startManager({ text: texts[0]! });
      for (const text of texts.slice(1)) {
        workspace.write(text);
        await manager.reloadConfig();
      }
      ends.push(manager.getCurrentConfig());
    }
    expect(ends[1]).toEqual(ends[0]);
    expect(ends[2]).toEqual(ends[0]);
  });
});

describe('promise 7, isolation of observers', () => {
  it('one that throws, rejects, hangs, recurses, mutates or unsubscribes stops no other', async () => {
    const { manager, workspace } = await startManager({ observerTimeoutMs: 40 });
    const fine: string[] = [];
    const inner: string[] = [];
    let hungSignal: AbortSignal | undefined;
    manager.subscribe(() => {
      throw new Error('throws');
    });
    manager.subscribe(() => Promise.reject(new Error('rejects')));
    manager.subscribe((_old, _now, { signal }) => {
      hungSignal = signal;
      return new Promise(() => undefined);
    });
    manager.subscribe(async () => {
      inner.push((await manager.reloadConfig()).result);
    });
    manager.subscribe((_old, now) => {
      (now as { memory: unknown }).memory = null;
    });
    const leaving = () => {
      fine.push('leaving');
      manager.unsubscribe(leaving);
      manager.subscribe(() => {
        fine.push('joined later');
      });
    };
    manager.subscribe(leaving);
    manager.subscribe(() => {
      fine.push('last');
    });
    workspace.write(goodText(60));
    expect((await manager.reloadConfig()).result).toBe('success');
    expect(fine).toEqual(['leaving', 'last']);
    expect(inner).toEqual(['already_in_progress']);
    expect(hungSignal?.aborted).toBe(true);
    workspace.write(goodText(61));
    expect((await manager.reloadConfig()).result).toBe('success');
    expect(fine).toEqual(['leaving', 'last', 'last', 'joined later']);
  });
});

describe('under load', () => {
  it('1,000 concurrent calls and 10,000 reads: none torn, none stale after success, history exact', async () => {
    const { manager, workspace } = await startManager();
    let reads = 0;
    let newest = 50;
    const done = new AbortController();
    const read = () => {
      const config = manager.getCurrentConfig();
      reads++;
      // Two fields written from one number: a torn read would show two numbers.
      expect(config?.performance.batch_size).toBe((config?.performance.cache_ttl_seconds ?? 0) - 100 || 50);
      expect(config?.performance.batch_size).toBeGreaterThanOrEqual(newest);
    };
    const text = (size: number) => goodText(size).replace(/\n$/, `\n  cache_ttl_seconds: ${size + 100}\n`);
    workspace.write(text(50));
    await manager.reloadConfig();
    const reader = (async () => {
      while (!done.signal.aborted) {
        for (let i = 0; i < 100; i++) read();
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    const outcomes = [];
    for (let round = 1; round <= 10; round++) {
      workspace.write(text(50 + round));
      const results = await Promise.all(
        Array.from({ length: 100 }, async () => {
          const outcome = await manager.reloadConfig();
          if (outcome.result === 'success') {
            newest = Math.max(newest, 50 + round);
            read();
          }
          return outcome;
        }),
      );
      expect(results.filter(({ result }) => result === 'success')).toHaveLength(1);
      expect(results.filter(({ result }) => result === 'already_in_progress')).toHaveLength(99);
      outcomes.push(...results);
    }
    while (reads < 10_000) await new Promise((resolve) => setImmediate(resolve));
    done.abort();
    await reader;
    expect(outcomes).toHaveLength(1000);
    expect(manager.getStats()).toMatchObject({ totalReloads: 1001, successfulReloads: 11, failedReloads: 990 });
    expect(new Set(outcomes.map(({ event }) => event.id)).size).toBe(1000);
    const known = new Set(outcomes.map(({ event }) => event));
    const history = manager.getEventHistory();
    expect(history).toHaveLength(100);
    expect(history.every((event) => known.has(event))).toBe(true);
    expect(history[0]).toMatchObject({ result: 'success' }); // the one that ran ends last
  });
});

describe('stopping', () => {
  it('lets the reload in flight end, takes no more, and drops the trigger that waits', async () => {
    const source = newSource();
    const hold = gate();
    const { manager, workspace } = await startManager({ handleSignals: true, signalSource: source });
    manager.subscribe(async () => {
      await hold.opened;
    });
    workspace.write(goodText(60));
    const reload = manager.reloadConfig();
    const waiting = manager.reloadConfig({ hash: contentHash(goodText(99)) });
    await until('the reload to notify', () => manager.getCurrentConfig()?.performance.batch_size === 60);
    source.emit('SIGHUP');
    const stopped = manager.stop();
    await expect(manager.reloadConfig()).rejects.toThrow(/stopping/);
    expect((await waiting).reason).toBe('Aborted');
    hold.open();
    expect((await reload).result).toBe('success');
    await stopped;
    expect(manager.getState()).toBe('stopped');
    expect(manager.getStats().totalReloads).toBe(2);
    expect(source.listenerCount('SIGHUP')).toBe(0);
  });

  it('start and stop may be called twice, and stop before start', async () => {
    const { manager } = await startManager();
    expect(manager.start()).toBe(manager.start());
    expect(manager.stop()).toBe(manager.stop());
    await manager.stop();
    const { ConfigReloadManager } = await import('../../src/manager/config-reload-manager.ts');
    const unused = new ConfigReloadManager({ path: 'nowhere.yaml' });
    afterTest(() => unused.stop());
    await expect(unused.reloadConfig()).rejects.toThrow(/is new/);
    await unused.stop();
    await expect(unused.start()).rejects.toThrow(/stopped/);
  });
});
