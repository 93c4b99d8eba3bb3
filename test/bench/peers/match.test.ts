import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Contender, play } from '../../../bench/peers/match.ts';
import { isMeasured } from '../../../bench/peers/record.ts';
import type { Task } from '../../../bench/peers/task.ts';
import { gemmTask } from '../../../bench/workload/tasks.ts';

const product: Task = { kind: 'kernel', ...gemmTask(256) };
const network: Task = { kind: 'network', network: 'resnet18', mode: 'training', size: 224, batch: 32 };

interface Fake extends Contender {
  readonly calls: string[];
}

/** One that says how long it took, and writes down what it was asked. */
function contender(name: string, ms: number, rms: number | null = 1): Fake {
  const calls: string[] = [];
  return {
    name,
    calls,
    async open(task) {
      calls.push(`open ${task.batch}`);
      return { first: ms, rms, residentBytes: 1 };
    },
    async run(times) {
      calls.push(`run ${times}`);
      await sleep(1);
      return { ms, residentBytes: 2 };
    },
    async close() {
      calls.push('close');
    },
  };
}

/** Seconds that no load of this machine uses up. */
const PLENTY = 40_000;
const options = { rounds: 3, seconds: PLENTY, expected: () => 0 };

test('contestants take turns, short runs in groups after a round to warm up', async () => {
  const log: string[] = [];
  const [a, b] = ['a', 'b'].map((name) => {
    const one = contender(name, 10);
    return {
      ...one,
      run(times: number, seconds: number) {
        log.push(`${name}${times}`);
        return one.run(times, seconds);
      },
    };
  });
  const cells = await play([a, b], product, '', options);
  assert.equal(log, ['a1', 'b1', 'a5', 'b5', 'a5', 'b5', 'a5', 'b5']);
  assert.equal(cells.a, {
    sample: { median: 10, spread: 0, runs: 3 },
    isFirstCall: false,
    residentBytes: 2,
    batch: 1,
  });
});

test('who has no time for a second call keeps the figure of the first, marked', async () => {
  const slow = contender('slow', 1000 * PLENTY);
  const { slow: cell } = await play([slow], product, '', options);
  assert.ok(isMeasured(cell));
  assert.is(cell.isFirstCall, true);
  assert.is(cell.sample.median, 1000 * PLENTY);
  assert.equal(slow.calls, ['open 1', 'close']);
});

test('another result is no figure', async () => {
  const cells = await play([contender('ours', 1, 2), contender('wrong', 1, 2.01)], product, '', options);
  assert.ok(isMeasured(cells.ours));
  assert.equal(cells.wrong, { note: 'another result: RMS 2.0100, not 2.0000' });
});

test('a network that would take too long is run on fewer images, or left out', async () => {
  const slow = contender('slow', 1, null);
  const hopeless = contender('hopeless', 1, null);
  const expected = (name: string, { batch }: Task) => (name === 'slow' ? PLENTY / 16 : 15 * PLENTY) * batch;
  const cells = await play([slow, hopeless], network, '', { ...options, expected });
  assert.is(slow.calls[0], 'open 4');
  assert.ok(isMeasured(cells.slow));
  assert.is(cells.slow.batch, 4);
  assert.equal(hopeless.calls, []);
  assert.equal(cells.hopeless, { note: 'left out: some 600000 s, batch 1' });
});

test('what a contestant cannot do stands in its cell', async () => {
  const none: Contender = { ...contender('none', 1), open: async () => ({ note: 'no gradient' }) };
  const failing: Contender = {
    ...contender('failing', 1),
    run: async () => ({ note: 'failed: out of memory' }),
  };
  assert.equal(await play([none, failing], product, '', options), {
    none: { note: 'no gradient' },
    failing: { note: 'failed: out of memory' },
  });
});

test.run();
