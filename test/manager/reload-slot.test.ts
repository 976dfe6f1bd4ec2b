import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReloadSlot } from '../../src/manager/reload-slot.ts';

describe('ReloadSlot', () => {
  it('follows every trigger, whatever the interleaving, by a run that began after it; one at a time; and merges what waits', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(fc.constantFrom('trigger', 'call'), { minLength: 1, maxLength: 30 }),
        async (scheduler, actions) => {
          let time = 0;
          let running = 0;
          let refused = 0;
          let calls = 0;
          const begins: number[] = [];
          const triggers: number[] = [];
          const work = async () => {
            expect(++running).toBe(1);
            begins.push(++time);
            await scheduler.schedule(Promise.resolve(), 'work');
            running--;
          };
          const slot = new ReloadSlot<string>(work);
          for (const action of actions) {
            void scheduler.schedule(Promise.resolve(), action).then(() => {
              if (action === 'trigger') {
                triggers.push(++time);
                slot.request('signal');
              } else if (slot.tryRun(work)) calls++;
              else refused++;
            });
          }
          await scheduler.waitIdle();
          await slot.whenFree();
          expect(slot.isTaken).toBe(false);
          for (const trigger of triggers) expect(begins.some((begin) => begin > trigger)).toBe(true);
          expect(begins.length).toBeLessThanOrEqual(triggers.length + calls);
          expect(calls + refused).toBe(actions.filter((action) => action === 'call').length);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('runs exactly once more for any number of triggers that find it taken', async () => {
    let runs = 0;
    const hold = Promise.withResolvers<undefined>();
    const slot = new ReloadSlot<string>(async () => {
      runs++;
      await hold.promise;
    });
    slot.request('signal');
    for (let i = 0; i < 50; i++) slot.request('signal');
    expect(runs).toBe(1);
    hold.resolve(undefined);
    await slot.whenFree();
    expect(runs).toBe(2);
  });

  it('takes no trigger after it was closed, and forgets the one that waits', async () => {
    let runs = 0;
    const slot = new ReloadSlot<string>(async () => {
      runs++;
      await Promise.resolve();
    });
    slot.request('signal');
    slot.request('signal');
    slot.close();
    slot.request('signal');
    await slot.whenFree();
    expect(runs).toBe(1);
  });

  it('is free again after work that failed', async () => {
    const slot = new ReloadSlot<string>(() => Promise.resolve());
    await expect(slot.tryRun(() => Promise.reject(new Error('broke')))).rejects.toThrow('broke');
    await slot.whenFree();
    expect(slot.isTaken).toBe(false);
  });
});
