import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { summarize } from '../../bench/measure/statistics.ts';

test('the median, and half the distance between the quartiles as a share of it', () => {
  // numpy.quantile([1, 2, 4, 8, 16], [0.25, 0.5, 0.75]) is [2, 4, 8]
  assert.equal(summarize([16, 1, 8, 2, 4]), { median: 4, spread: 0.75, runs: 5 });
  // numpy.quantile([1, 2, 3, 10], [0.25, 0.5, 0.75]) is [1.75, 2.5, 4.75]
  assert.equal(summarize([10, 3, 2, 1]), { median: 2.5, spread: 0.6, runs: 4 });
  assert.equal(summarize([7]), { median: 7, spread: 0, runs: 1 });
});

test.run();
