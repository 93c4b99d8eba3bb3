import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Budget } from '../../bench/budget.ts';

test('time is shared by weight, and what is left over by those to come', () => {
  let now = 100;
  const budget = new Budget(60, 6, () => now);
  assert.is(budget.take(2), 20);
  now += 5;
  assert.is(budget.take(1), 55 / 4);
  now += 35;
  assert.is(budget.take(1), 20 / 3);
});

test('who took too long leaves less to the others, and never less than nothing', () => {
  let now = 0;
  const budget = new Budget(10, 3, () => now);
  budget.take();
  now = 8;
  assert.is(budget.take(), 1);
  now = 20;
  assert.is(budget.secondsLeft, 0);
  assert.is(budget.take(), 0);
});

test.run();
