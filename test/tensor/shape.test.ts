import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cat, F, Generator, ones, randn, seed, split, stack, tensor, where } from '../../lib/index.ts';
import {
  broadcastGeometry,
  broadcastShapes,
  broadcastStrides,
  reduceGeometry,
  sizeOf,
  stridesOf,
} from '../../lib/tensor/shape.ts';
import { freshDevice } from '../support/reference-device.ts';

const test = suite('shapes');
test.before.each(() => void freshDevice());

/** The places that strides visit over a shape, row by row. */
function places(shape: readonly number[], strides: readonly number[]): number[] {
  return Array.from({ length: sizeOf(shape) }, (_, flat) => {
    const own = stridesOf(shape);
    return shape.reduce((sum, size, axis) => sum + (Math.floor(flat / own[axis]) % size) * strides[axis], 0);
  });
}

test('merged broadcasts visit the same places', () => {
  const generator = new Generator(5);
  for (let round = 0; round < 300; round++) {
    const rank = generator.integer(6);
    const full = Array.from({ length: rank }, () => 1 + generator.integer(3));
    const shapes = [0, 1, 2].map(() =>
      full.map((size) => (generator.integer(2) ? size : 1)).slice(generator.integer(rank + 1)),
    );
    const target = broadcastShapes('test', ...shapes);
    const merged = broadcastGeometry(target, shapes);
    assert.is(sizeOf(merged.shape), sizeOf(target));
    shapes.forEach((shape, i) => {
      assert.equal(places(merged.shape, merged.strides[i]), places(target, broadcastStrides(shape, target)));
    });
    assert.ok(merged.shape.length <= Math.max(1, rank));
  }
});

test('operands of one shape merge into one axis', () => {
  const shape = [2, 1, 3, 4];
  assert.equal(broadcastGeometry(shape, [shape, shape]), { shape: [24], strides: [[1], [1]] });
  assert.equal(broadcastGeometry(shape, [shape, []]), { shape: [24], strides: [[1], [0]] });
});

test('reduced axes alternate with kept ones', () => {
  assert.equal(reduceGeometry([2, 3, 4, 5], [0, 2, 3]), { shape: [2, 3, 20], reduced: [true, false, true] });
  assert.equal(reduceGeometry([2, 3, 1, 5], [0, 1]), { shape: [6, 5], reduced: [true, false] });
  assert.equal(reduceGeometry([2, 3], [0, 1]), { shape: [6], reduced: [true] });
  assert.equal(reduceGeometry([], []), { shape: [1], reduced: [false] });
});

test('views copy nothing', () => {
  const x = ones([2, 1, 3]);
  for (const view of [
    x.reshape([6]),
    x.permute([1, 0, 2]),
    x.slice(2, 0, 3),
    x.expand([2, 1, 3]),
    x.pad([0, 0]),
  ]) {
    assert.is(view.storage, x.storage);
  }
});

test('empty tensors', () => {
  const x = ones([0, 3], { requiresGrad: true });
  const y = cat([x, ones([2, 3])])
    .slice(0, 0, 0)
    .mul(2)
    .reshape([3, 0])
    .sum();
  assert.equal([...y.dataSync()], [0]);
  y.backward();
  assert.equal(x.grad?.shape, [0, 3]);
  assert.equal(ones([4, 2]).slice(0, 3, 1).shape, [0, 2]);
});

test('split, stack and where with numbers', () => {
  const parts = split(tensor([0, 1, 2, 3, 4]), [1, 3, 1]);
  assert.equal(
    parts.map((part) => [...part.dataSync()]),
    [[0], [1, 2, 3], [4]],
  );
  assert.equal(
    tensor([0, 1, 2, 3, 4])
      .split(2)
      .map((part) => part.size),
    [2, 2, 1],
  );
  assert.equal(stack([ones([2]), ones([2])], -1).shape, [2, 2]);
  const x = tensor([-1, 2]);
  assert.equal([...where(x.gt(0), x, 0).dataSync()], [0, 2]);
  assert.equal([...x.where(x.gt(0), 7).dataSync()], [7, 2]);
});

test("convolution with padding 'same' has its odd row and column at the end", () => {
  seed(1);
  const x = randn([2, 3, 6, 7], { requiresGrad: true });
  const weight = randn([4, 3, 2, 4]);
  const same = F.conv2d(x, weight, null, { padding: 'same', dilation: [3, 1] });
  assert.equal(same.shape, [2, 4, 6, 7]);
  const padded = F.conv2d(F.pad(x, [1, 2, 1, 2]), weight, null, { padding: 'valid', dilation: [3, 1] });
  assert.equal([...same.dataSync()], [...padded.dataSync()]);
  const odd = F.conv2d(x, randn([4, 3, 3, 5]), null, { padding: 'same' });
  assert.equal(odd.shape, [2, 4, 6, 7]);
  same.sum().backward();
  assert.equal(x.grad?.shape, x.shape);
});

test('dropout drops a share p and keeps the mean, forward and backward alike', () => {
  seed(2);
  const x = ones([20_000], { requiresGrad: true });
  const y = F.dropout(x, 0.3);
  y.sum().backward();
  const kept = [...y.dataSync()].filter((value) => value !== 0);
  assert.ok(Math.abs(kept.length / x.size - 0.7) < 0.015, String(kept.length));
  assert.ok(kept.every((value) => Math.abs(value - 1 / 0.7) < 1e-6));
  assert.equal([...(x.grad?.dataSync() ?? [])], [...y.dataSync()]);
});

test.run();
