/** The twins of LeIndex's own reload tests, by the same names (shared notes: leindex.md). */
import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { LeIndexConfig } from '../../src/core/leindex-config.ts';
import type { ReloadEvent } from '../../src/core/reload-event.ts';
import { ConfigReloadManager } from '../../src/manager/config-reload-manager.ts';
import { getReloadManager, initializeReloadManager, reloadConfig } from '../../src/manager/singleton.ts';
import type { SignalSource } from '../../src/manager/sighup.ts';
import {
  afterTest,
  gate,
  goodText,
  invalidText,
  malformedText,
  newWorkspace,
  startManager,
  until,
} from './workspace.ts';

describe('reloading', () => {
  it('test_reload_success', async () => {
    const { manager, workspace } = await startManager();
    const hash = workspace.write(goodText(77));
    const outcome = await manager.reloadConfig();
    expect(outcome).toMatchObject({ result: 'success', reason: 'Reloaded', hash, unchanged: false });
    expect(manager.getCurrentConfig()?.performance.batch_size).toBe(77);
    expect(outcome.event).toMatchObject({ newHash: hash, errorMessage: null, trigger: 'api' });
    expect(outcome.event.changes).toEqual([{ path: 'performance.batch_size', from: 50, to: 77 }]);
  });

  it('test_reload_validation_failure', async () => {
    const { manager, workspace } = await startManager();
    const before = manager.getCurrentConfig();
    const hash = workspace.write(invalidText);
    const outcome = await manager.reloadConfig();
    expect(outcome).toMatchObject({ result: 'validation_failed', reason: 'ValidationFailed', hash });
    expect(outcome.violations.length).toBeGreaterThan(0);
    expect(outcome.event.errorMessage).toContain('global_index_mb');
    expect(manager.getCurrentConfig()).toBe(before);
    expect(manager.getStats()).toMatchObject({
      totalReloads: 1,
      failedReloads: 1,
      lastReloadResult: 'validation_failed',
    });
    expect(manager.getEventHistory()).toEqual([outcome.event]);
  });

  it('test_reload_file_not_found', async () => {
    const { manager, workspace } = await startManager();
    const before = manager.getCurrentConfig();
    const { rmSync, existsSync } = await import('node:fs');
    rmSync(workspace.path);
    const outcome = await manager.reloadConfig();
    expect(outcome).toMatchObject({ result: 'file_not_found', reason: 'FileMissing', hash: null });
    expect(manager.getCurrentConfig()).toBe(before);
    expect(manager.getStats()).toMatchObject({ failedReloads: 1, lastReloadResult: 'file_not_found' });
    expect(manager.getEventHistory()).toEqual([outcome.event]);
    expect(existsSync(workspace.path)).toBe(false); // nothing was made up in its place
  });

  it('test_reload_malformed_yaml', async () => {
    const { manager, workspace } = await startManager();
    const before = manager.getCurrentConfig();
    workspace.write(malformedText);
    const outcome = await manager.reloadConfig();
    expect(outcome.result).toBe('validation_failed');
    expect(outcome.violations[0]?.line).toBeGreaterThan(0);
    expect(manager.getCurrentConfig()).toBe(before);
    expect(manager.getEventHistory()).toHaveLength(1);
  });
});

describe('observers', () => {
  it('test_observer_notification', async () => {
    const { manager, workspace } = await startManager();
    const old = manager.getCurrentConfig();
    const seen: [LeIndexConfig | null, LeIndexConfig][] = [];
    manager.subscribe((before, after) => void seen.push([before, after]));
    workspace.write(goodText(60));
    await manager.reloadConfig();
    expect(seen).toEqual([[old, manager.getCurrentConfig()]]);
    expect(seen[0]?.[1].performance.batch_size).toBe(60);
  });

  it('test_multiple_observers', async () => {
    const { manager, workspace } = await startManager();
    const order: string[] = [];
    for (const name of ['first', 'second', 'third']) manager.subscribe(() => void order.push(name));
    expect(manager.getObserverCount()).toBe(3);
    workspace.write(goodText(60));
    await manager.reloadConfig();
    expect(order).toEqual(['first', 'second', 'third']);
  });

  it('test_observer_not_called_on_validation_failure', async () => {
    const { manager, workspace } = await startManager();
    let calls = 0;
    manager.subscribe(() => {
      calls++;
    });
    workspace.write(invalidText);
    await manager.reloadConfig();
    workspace.write(malformedText);
    await manager.reloadConfig();
    expect(calls).toBe(0);
    workspace.write(goodText(60));
    await manager.reloadConfig();
    expect(calls).toBe(1);
  });

  it('test_unsubscribe_observer', async () => {
    const { manager, workspace } = await startManager();
    let calls = 0;
    const observer = () => {
      calls++;
    };
    manager.subscribe(observer);
    const unsubscribeOther = manager.subscribe(() => {
      calls++;
    });
    expect(manager.unsubscribe(observer)).toBe(true);
    expect(manager.unsubscribe(observer)).toBe(false);
    unsubscribeOther();
    expect(manager.getObserverCount()).toBe(0);
    workspace.write(goodText(60));
    await manager.reloadConfig();
    expect(calls).toBe(0);
  });

  it('test_observer_exception_handling', async () => {
    const { manager, workspace } = await startManager();
    const called: string[] = [];
    manager.subscribe(() => {
      called.push('throws');
      throw new Error('observer broke');
    });
    manager.subscribe(async () => {
      called.push('rejects');
      throw new Error('observer broke later');
    });
    manager.subscribe(() => void called.push('fine'));
    workspace.write(goodText(60));
    const outcome = await manager.reloadConfig();
    expect(outcome.result).toBe('success');
    expect(called).toEqual(['throws', 'rejects', 'fine']);
    expect(manager.getCurrentConfig()?.performance.batch_size).toBe(60);
  });

  it('test_invalid_observer_type', async () => {
    const { manager } = await startManager();
    for (const wrong of ['text', 1, null, undefined, {}, []]) {
      expect(() => manager.subscribe(wrong as never)).toThrow(TypeError);
    }
    expect(manager.getObserverCount()).toBe(0);
  });
});

describe('concurrency', () => {
  it('test_concurrent_reload_calls', async () => {
    const { manager, workspace } = await startManager();
    workspace.write(goodText(60));
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => manager.reloadConfig()));
    const results = outcomes.map(({ result }) => result).sort();
    expect(results).toEqual([...Array<string>(9).fill('already_in_progress'), 'success']);
    expect(manager.getStats()).toMatchObject({
      totalReloads: 10,
      successfulReloads: 1,
      failedReloads: 9,
      lastReloadResult: 'success',
    });
    expect(manager.getEventHistory()).toHaveLength(10);
  });

  it('test_reload_during_active_requests', async () => {
    const { manager, workspace } = await startManager();
    const done = new AbortController();
    const reader = (async () => {
      while (!done.signal.aborted) {
        const config = manager.getCurrentConfig();
        // One request works with one configuration from beginning to end.
        await new Promise((resolve) => setImmediate(resolve));
        expect([50, 51, 52, 53, 54, 55]).toContain(config?.performance.batch_size);
        expect(Object.isFrozen(config)).toBe(true);
      }
    })();
    for (let size = 51; size <= 55; size++) {
      workspace.write(goodText(size));
      expect((await manager.reloadConfig()).result).toBe('success');
    }
    done.abort();
    await reader;
  });

  it('test_is_reload_in_progress', async () => {
    const { manager, workspace } = await startManager();
    const hold = gate();
    manager.subscribe(async () => {
      await hold.opened;
    });
    expect(manager.isReloadInProgress()).toBe(false);
    workspace.write(goodText(60));
    const reload = manager.reloadConfig();
    expect(manager.isReloadInProgress()).toBe(true);
    hold.open();
    await reload;
    expect(manager.isReloadInProgress()).toBe(false);
  });
});

describe('stats and history', () => {
  it('test_statistics_tracking', async () => {
    const { manager, workspace } = await startManager();
    expect(manager.getStats()).toEqual({
      totalReloads: 0,
      successfulReloads: 0,
      failedReloads: 0,
      lastReloadTime: null,
      lastReloadResult: null,
    });
    workspace.write(goodText(60));
    await manager.reloadConfig();
    workspace.write(invalidText);
    const { event } = await manager.reloadConfig();
    expect(manager.getStats()).toEqual({
      totalReloads: 2,
      successfulReloads: 1,
      failedReloads: 1,
      lastReloadTime: event.timestamp,
      lastReloadResult: 'validation_failed',
    });
  });

  it('test_event_history', async () => {
    const { manager, workspace } = await startManager();
    const events: ReloadEvent[] = [];
    for (const text of [goodText(60), invalidText, goodText(70)]) {
      workspace.write(text);
      events.unshift((await manager.reloadConfig()).event);
    }
    expect(manager.getEventHistory()).toEqual(events);
    expect(new Set(events.map(({ id }) => id)).size).toBe(3);
    expect(events[0]).toMatchObject({
      result: 'success',
      changes: [{ path: 'performance.batch_size', from: 60, to: 70 }],
    });
    expect(Object.isFrozen(events[0])).toBe(true);
  });

  it('test_event_history_limit', async () => {
    const { manager } = await startManager();
    let last: ReloadEvent | undefined;
    for (let i = 0; i < 250; i++) last = (await manager.reloadConfig()).event;
    expect(manager.getEventHistory()).toHaveLength(100);
    expect(manager.getEventHistory()[0]).toBe(last);
    expect(manager.getStats().totalReloads).toBe(250);
    const { manager: small } = await startManager({ historyLimit: 3 });
    for (let i = 0; i < 10; i++) await small.reloadConfig();
    expect(small.getEventHistory()).toHaveLength(3);
  });

  it('test_event_history_with_limit', async () => {
    const { manager } = await startManager();
    for (let i = 0; i < 5; i++) await manager.reloadConfig();
    expect(manager.getEventHistory(2)).toEqual(manager.getEventHistory().slice(0, 2));
    expect(manager.getEventHistory(50)).toHaveLength(5);
    for (const wrong of [0, -1, 1.5, Number.NaN]) expect(() => manager.getEventHistory(wrong)).toThrow(TypeError);
  });

  it('test_clear_history', async () => {
    const { manager } = await startManager();
    for (let i = 0; i < 5; i++) await manager.reloadConfig();
    expect(manager.clearHistory()).toBe(5);
    expect(manager.getEventHistory()).toEqual([]);
    expect(manager.getStats().totalReloads).toBe(5);
  });
});

describe('signals', () => {
  const newSource = () => new EventEmitter() as EventEmitter & SignalSource;

  it('test_signal_handler_registration', async () => {
    const source = newSource();
    const { manager } = await startManager({ handleSignals: true, signalSource: source });
    expect(source.listenerCount('SIGHUP')).toBe(1);
    await manager.stop();
    expect(source.listenerCount('SIGHUP')).toBe(0);
    const other = newSource();
    await startManager({ handleSignals: true, signalSource: other, signal: 'SIGUSR2' });
    expect([other.listenerCount('SIGHUP'), other.listenerCount('SIGUSR2')]).toEqual([0, 1]);
  });

  it('test_signal_handler_disabled', async () => {
    const source = newSource();
    await startManager({ handleSignals: false, signalSource: source });
    expect(source.listenerCount('SIGHUP')).toBe(0);
  });

  it('test_signal_triggers_reload', async () => {
    const source = newSource();
    const { manager, workspace } = await startManager({ handleSignals: true, signalSource: source });
    workspace.write(goodText(60));
    source.emit('SIGHUP');
    await until('the reload', () => manager.getStats().totalReloads === 1);
    expect(manager.getEventHistory()[0]).toMatchObject({ trigger: 'signal', result: 'success' });
    expect(manager.getCurrentConfig()?.performance.batch_size).toBe(60);
  });
});

describe('singleton', () => {
  it('test_initialize_reload_manager_singleton', async () => {
    expect(getReloadManager()).toBeUndefined();
    const manager = initializeReloadManager({ path: newWorkspace().path, handleSignals: false });
    afterTest(() => manager.stop());
    expect(manager).toBeInstanceOf(ConfigReloadManager);
    expect(getReloadManager()).toBe(manager);
  });

  it('test_singleton_reinitialization', async () => {
    const first = initializeReloadManager({ path: newWorkspace().path, handleSignals: false });
    afterTest(() => first.stop());
    expect(initializeReloadManager({ path: newWorkspace().path })).toBe(first);
    expect(getReloadManager()).toBe(first);
  });

  it('test_reload_config_convenience_function', async () => {
    const workspace = newWorkspace();
    const manager = initializeReloadManager({ path: workspace.path, handleSignals: false });
    afterTest(() => manager.stop());
    await manager.start();
    workspace.write(goodText(60));
    expect((await reloadConfig()).result).toBe('success');
    expect(manager.getCurrentConfig()?.performance.batch_size).toBe(60);
  });

  it('test_reload_config_without_initialization_raises', async () => {
    expect(getReloadManager()).toBeUndefined();
    await expect(reloadConfig()).rejects.toThrow(/initializeReloadManager/);
  });
});

describe('atomicity', () => {
  it('test_atomic_config_swap', async () => {
    const { manager, workspace } = await startManager();
    const before = manager.getCurrentConfig();
    const held = structuredClone(before);
    let during: LeIndexConfig | null = null;
    manager.subscribe((_old, now) => {
      during = manager.getCurrentConfig();
      expect(during).toBe(now); // observers find the new one in place
    });
    workspace.write(goodText(60).replace('memory: {}', 'memory: {total_budget_mb: 4096, global_index_mb: 1024}'));
    await manager.reloadConfig();
    expect(during).toBe(manager.getCurrentConfig());
    expect(manager.getCurrentConfig()).not.toBe(before);
    expect(before).toEqual(held); // who holds the old one keeps a whole one
  });

  it('test_config_immutability_for_observers', async () => {
    const { manager, workspace } = await startManager();
    const errors: unknown[] = [];
    manager.subscribe((old, now) => {
      for (const change of [
        () => ((now.performance as { batch_size: number }).batch_size = 1),
        () => ((now as { version: string }).version = 'x'),
        () => delete (old as { memory?: unknown }).memory,
      ]) {
        try {
          change();
        } catch (error) {
          errors.push(error);
        }
      }
    });
    workspace.write(goodText(60));
    await manager.reloadConfig();
    expect(errors).toHaveLength(3);
    expect(errors.every((error) => error instanceof TypeError)).toBe(true);
    expect(manager.getCurrentConfig()?.performance.batch_size).toBe(60);
  });
});

describe('edges', () => {
  it('test_reload_with_no_observers', async () => {
    const { manager, workspace } = await startManager();
    workspace.write(goodText(60));
    expect((await manager.reloadConfig()).result).toBe('success');
    expect(manager.getObserverCount()).toBe(0);
  });

  it('test_reload_identical_config', async () => {
    const { manager } = await startManager();
    let calls = 0;
    manager.subscribe(() => {
      calls++;
    });
    const before = manager.getCurrentConfig();
    const outcome = await manager.reloadConfig();
    expect(outcome).toMatchObject({ result: 'success', reason: 'Unchanged', unchanged: true });
    expect(calls).toBe(0);
    expect(manager.getCurrentConfig()).toBe(before);
    expect(manager.getStats()).toMatchObject({ totalReloads: 1, successfulReloads: 1 });
    expect(await manager.reloadConfig({ force: true })).toMatchObject({
      result: 'success',
      reason: 'Reloaded',
      unchanged: false,
    });
    expect(calls).toBe(1);
  });

  it('test_get_current_config_during_reload', async () => {
    const validating = gate();
    const asked = gate();
    const { validateConfig } = await import('../../src/core/validate-config.ts');
    let isFirst = true;
    const { manager, workspace } = await startManager({
      validate: async (content) => {
        if (!isFirst) {
          asked.open();
          await validating.opened;
        }
        isFirst = false;
        return validateConfig(content);
      },
    });
    const before = manager.getCurrentConfig();
    workspace.write(goodText(60));
    const reload = manager.reloadConfig();
    await asked.opened;
    expect(manager.getCurrentConfig()).toBe(before); // valid until the new one is
    validating.open();
    await reload;
    expect(manager.getCurrentConfig()?.performance.batch_size).toBe(60);
  });

  it('test_multiple_consecutive_reloads', async () => {
    const { manager, workspace } = await startManager();
    for (let size = 100; size < 120; size++) {
      workspace.write(goodText(size));
      expect((await manager.reloadConfig()).result).toBe('success');
      expect(manager.getCurrentConfig()?.performance.batch_size).toBe(size);
    }
    expect(manager.getStats()).toMatchObject({ totalReloads: 20, successfulReloads: 20, failedReloads: 0 });
    const sizes = manager.getEventHistory().map((event) => event.newConfig?.performance.batch_size);
    expect(sizes).toEqual(Array.from({ length: 20 }, (_, i) => 119 - i));
  });
});
