import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { F, type Operand, ones, type Tensor, tensor, where } from '../../lib/index.ts';
import { errorOf, freshDevice, inUse } from '../support/reference-device.ts';

test.before.each(() => void freshDevice());

const values = (x: Tensor) => [...x.dataSync()];
const BINARY = [
  'add',
  'sub',
  'mul',
  'div',
  'pow',
  'maximum',
  'minimum',
  'eq',
  'ne',
  'gt',
  'ge',
  'lt',
  'le',
] as const;
const x = () => tensor([[1, 2], [3, 4]], { requiresGrad: true }); // biome-ignore format: a matrix

for (const op of BINARY) {
  test(`${op}: nested lists, typed arrays, numbers and booleans are operands`, () => {
    const operands: Operand[] = [2, true, [1, 3], [[1], [3]], Int32Array.of(1, 3), [[true, false], [2, 3]]]; // biome-ignore format: nested
    for (const operand of operands) {
      const [a, b] = [x(), x()];
      const [listed, made] = [a[op](operand), b[op](tensor(operand as never))];
      assert.equal(listed.shape, made.shape);
      assert.equal(values(listed), values(made));
      assert.is(listed.requiresGrad, made.requiresGrad);
      if (!listed.requiresGrad) continue;
      listed.sum().backward();
      made.sum().backward();
      assert.equal(values(a.grad as Tensor), values(b.grad as Tensor));
    }
  });
}

test('nothing but the result is left', () => {
  const a = ones(2);
  const before = inUse();
  const results = [a.add([1, 2]), a.eq([1, 2]), where(a, [1, 2], 0), F.mseLoss(a, [1, 2])];
  assert.is(inUse().tensors, before.tensors + results.length);
});

test('what is no operand is refused, with the place', () => {
  const a = ones(2);
  const refused: readonly (readonly [call: () => unknown, message: string])[] = [
    [() => a.mul('2' as never), "ArgumentError: mul: other is '2', wants a number"],
    [() => a.add([1, 'x'] as never), "ArgumentError: add: other[1] is 'x', wants a number"],
    [() => a.sub(undefined as never), 'ArgumentError: sub: other is undefined, wants a number'],
    [
      () => a.gt([[1], [2, 3]]),
      'ShapeError: gt: other[1] is a list of 2, wants a list of 1, as the first one',
    ],
    [
      () => a.div([1, 2, 3]),
      'ShapeError: div: shapes [2] and [3] do not broadcast: axis -1 has sizes 2 and 3',
    ],
    [() => F.mseLoss(a, ['x'] as never), "ArgumentError: mseLoss: target[0] is 'x', wants a number"],
  ];
  for (const [call, message] of refused) assert.is(errorOf(call), message);
});

test('where takes lists for both', () => {
  assert.equal(values(where(tensor([1, 0]), [5, 6], [[7], [8]])), [5, 7, 5, 8]);
});

test('losses take lists for targets and weights', () => {
  const logits = tensor([[1, 2, 0.5], [0.2, -1, 3]]); // biome-ignore format: a matrix
  const classes = [2, 0];
  const factors = [1, 2, 3];
  const same = (a: Tensor, b: Tensor) => assert.equal(values(a), values(b));
  same(F.crossEntropy(logits, classes), F.crossEntropy(logits, tensor(classes)));
  same(
    F.crossEntropy(logits, Uint8Array.from(classes), { weight: factors }),
    F.crossEntropy(logits, tensor(classes), { weight: tensor(factors) }),
  );
  same(
    F.nllLoss(logits, classes, { weight: factors }),
    F.nllLoss(logits, tensor(classes), { weight: tensor(factors) }),
  );
  const signs = [[1, 0, 1], [0, 1, 1]]; // biome-ignore format: a matrix
  same(
    F.binaryCrossEntropyWithLogits(logits, signs, { posWeight: factors, weight: factors }),
    F.binaryCrossEntropyWithLogits(logits, tensor(signs), {
      posWeight: tensor(factors),
      weight: tensor(factors),
    }),
  );
  const sure = logits.sigmoid();
  same(F.binaryCrossEntropy(sure, signs), F.binaryCrossEntropy(sure, tensor(signs)));
  same(F.mseLoss(logits, signs), F.mseLoss(logits, tensor(signs)));
});

test.run();
