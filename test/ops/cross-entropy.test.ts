import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { F, randn, seed, tensor } from '../../lib/index.ts';
import { freshDevice } from '../support/reference-device.ts';

test.before.each(() => {
  freshDevice();
  seed(0);
});

const WEIGHT = [1, 2, 3];

for (const labelSmoothing of [0, 0.1]) {
  for (const reduction of ['mean', 'sum', 'none'] as const) {
    test(`classes out of range count for nothing: smoothing ${labelSmoothing}, ${reduction}`, () => {
      const x = randn([4, 3]);
      const options = { labelSmoothing, reduction, weight: tensor(WEIGHT) };
      const loss = (targets: readonly number[], logits = x) =>
        F.crossEntropy(logits, tensor(targets), options).dataSync();
      const ignored = loss([1, -100, -100, 2]);
      for (const outside of [3, -1, 0.5, Number.NaN]) assert.equal(loss([1, outside, -100, 2]), ignored);
    });
  }
}

test('the gradient of a class out of range is 0', () => {
  const x = randn([2, 3], { requiresGrad: true });
  F.crossEntropy(x, tensor([3, 1]), { labelSmoothing: 0.1 }).backward();
  const grad = [...(x.grad?.dataSync() ?? [])];
  assert.equal(grad.slice(0, 3).map(Math.abs), [0, 0, 0]);
  assert.ok(grad.slice(3).every((value) => value !== 0));
});

test.run();
