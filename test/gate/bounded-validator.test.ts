import { monitorEventLoopDelay } from 'node:perf_hooks';
import { afterEach, describe, expect, test } from 'vitest';
import { validateConfig } from '../../src/core/validate-config.ts';
import {
  createBoundedValidator,
  type BoundedValidator,
  type BoundedValidatorOptions,
} from '../../src/gate/bounded-validator.ts';
import { badInputs, GOOD_TEXT } from '../fixtures/bad-inputs.ts';

const stuckWorker = new URL('../fixtures/stuck-worker.ts', import.meta.url);
const brokenWorker = new URL('../fixtures/broken-worker.ts', import.meta.url);
const large = (mark: string) => new TextEncoder().encode(`${GOOD_TEXT}# ${mark}${'.'.repeat(10_000)}\n`);
const small = new TextEncoder().encode(GOOD_TEXT);

const open: BoundedValidator[] = [];
const useValidator = (options: BoundedValidatorOptions = {}) => {
  const validator = createBoundedValidator(options);
  open.push(validator);
  return validator;
};
afterEach(async () => {
  for (const validator of open.splice(0)) await validator.close();
});

describe('bad input, at the gate', () => {
  test('is judged as by the library, in the thread as well as inline, and never holds the event loop for more than 200 ms', async () => {
    const inline = useValidator();
    const inThread = useValidator({ inlineBytes: 0 });
    await Promise.all([inline.validate(small), inThread.validate(small)]); // the thread's start is not what is measured
    const holds: number[] = [];
    // Another process can only make a hold look longer, so that the shortest of three looks is what the code does.
    while (holds.length < 3 && !holds.some((hold) => hold <= 200)) {
      const delay = monitorEventLoopDelay({ resolution: 5 });
      delay.enable();
      for (const { id, content, expect: expected } of badInputs) {
        const outcomes = [await inline.validate(content), await inThread.validate(content)];
        expect([id, ...outcomes.map(({ valid }) => valid)]).toEqual([id, expected.valid, expected.valid]);
        expect(outcomes[1]).toEqual(outcomes[0]);
      }
      delay.disable();
      expect(delay.count, 'the monitor saw the event loop').toBeGreaterThan(0);
      holds.push(delay.max / 1e6);
    }
    expect(Math.min(...holds), 'longest hold of the event loop, in ms').toBeLessThanOrEqual(200);
  });
});

describe('a text from the thread', () => {
  test('gives what the library gives, as deeply frozen', async () => {
    const outcome = await useValidator().validate(large('a'));
    expect(outcome).toEqual(validateConfig(large('a')));
    if (!outcome.valid) throw new Error('unreachable');
    expect(
      [outcome, outcome.config, outcome.config.memory, outcome.warnings].every((part) => Object.isFrozen(part)),
    ).toBe(true);
  });

  test('is answered in order when many are asked at once', async () => {
    const validator = useValidator();
    const texts = Array.from({ length: 50 }, (_, at) => large(`text ${at} `));
    const outcomes = await Promise.all(texts.map((text) => validator.validate(text)));
    expect(outcomes.map(({ hash }) => hash)).toEqual(texts.map((text) => validateConfig(text).hash));
  });

  test('is answered by a new thread after the first one ended idle', async () => {
    const validator = useValidator({ idleMs: 1 });
    await validator.validate(large('a'));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect((await validator.validate(large('b'))).valid).toBe(true);
  });
});

describe('a text that costs too much', () => {
  test('is refused at its deadline by the rule too-costly, and the texts behind it are answered', async () => {
    const validator = useValidator({ deadlineMs: 500, workerEntry: stuckWorker });
    const [stuck, next] = await Promise.all([validator.validate(large('STUCK')), validator.validate(large('good'))]);
    expect(stuck).toMatchObject({
      valid: false,
      hash: validateConfig(large('STUCK')).hash,
      violations: [{ rule: 'too-costly' }],
    });
    expect(next.valid).toBe(true);
  });

  test('is refused the next time without a thread', async () => {
    const first = useValidator({ deadlineMs: 500, workerEntry: stuckWorker });
    await first.validate(large('STUCK'));
    // A stuck thread would need its deadline again, and the good text waits behind it.
    const order: string[] = [];
    await Promise.all([
      first.validate(large('good')).then(() => order.push('good')),
      first.validate(large('STUCK')).then((outcome) => order.push(outcome.valid ? 'accepted' : 'refused')),
    ]);
    expect(order).toEqual(['refused', 'good']);
  });

  test('is forgotten after enough others, and tried again', async () => {
    const validator = useValidator({ deadlineMs: 500, quarantineSize: 1, workerEntry: stuckWorker });
    await validator.validate(large('STUCK 1'));
    await validator.validate(large('STUCK 2'));
    const order: string[] = [];
    await Promise.all([
      validator.validate(large('STUCK 1')).then(() => order.push('tried')),
      validator.validate(large('STUCK 2')).then(() => order.push('refused at once')),
    ]);
    expect(order).toEqual(['refused at once', 'tried']);
  });

  test('is refused where it takes too much memory', async () => {
    const validator = useValidator({ deadlineMs: 20_000, workerEntry: stuckWorker });
    expect(await validator.validate(large('GREEDY'))).toMatchObject({
      valid: false,
      violations: [{ rule: 'too-costly' }],
    });
    expect((await validator.validate(large('good'))).valid).toBe(true);
  });

  test('does not keep a small text waiting', async () => {
    const validator = useValidator({ deadlineMs: 10_000, workerEntry: stuckWorker });
    const stuck = validator.validate(large('STUCK')).catch((error: unknown) => error);
    expect((await validator.validate(small)).valid).toBe(true);
    await validator.close();
    expect(await stuck).toBeInstanceOf(Error);
  });
});

describe('where nothing can be known about a text', () => {
  test('a thread that cannot start rejects, and never accepts', async () => {
    await expect(useValidator({ workerEntry: brokenWorker }).validate(large('a'))).rejects.toThrow('broken on purpose');
  });

  test('closing rejects what is under way and what waits', async () => {
    const validator = useValidator({ workerEntry: stuckWorker });
    const results = [validator.validate(large('STUCK')), validator.validate(large('b'))].map((result) =>
      expect(result).rejects.toThrow('closed'),
    );
    await validator.close();
    await Promise.all(results);
  });
});
