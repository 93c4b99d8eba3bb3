import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Limits, leastMs } from '../../bench/measure/limits.ts';

const limits: Limits = {
  gflops: 50,
  compute: '',
  copies: [
    { bytes: 1e6, gbps: 100 },
    { bytes: 16e6, gbps: 20 },
  ],
};

test('computing or copying, whichever takes longer', () => {
  assert.is(leastMs(limits, 1e9, 1e6), 20);
  assert.is(leastMs(limits, 1e3, 1e6), 0.01);
});

test('copies go at the speed of their size, halfway between two on a logarithmic scale', () => {
  assert.is(leastMs(limits, 0, 4e6), 4 / 60);
  assert.is(leastMs(limits, 0, 160e6), 8);
  assert.is(leastMs(limits, 0, 1e3), 1e-5);
});

test.run();
