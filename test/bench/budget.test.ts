import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Budget } from '../../bench/measure/budget.ts';

test('time is shared by weight, and what is left over by those to come', () => {
  let now = 100;
  const budget = new Budget(60, 6, 0, () => now);
  assert.is(budget.take(2), 20);
  now += 5;
  assert.is(budget.take(1), 55 / 4);
  now += 35;
  assert.is(budget.take(1), 20 / 3);
});

test('who took too long leaves less to the others, but not less than their least share', () => {
  let now = 0;
  const budget = new Budget(10, 4, 0.6, () => now);
  assert.is(budget.take(), 2.5);
  now = 4;
  assert.is(budget.take(), 2);
  now = 9;
  assert.is(budget.take(), 1.5);
  now = 20;
  assert.is(budget.secondsLeft, 0);
  assert.is(budget.take(), 1.5);
});

test.run();
