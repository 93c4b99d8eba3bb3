import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  arange,
  full,
  Generator,
  ones,
  rand,
  randn,
  seed,
  type Tensor,
  type TypedArray,
  tensor,
  zeros,
} from '../../lib/index.ts';
import { errorOf, freshDevice } from '../support/reference-device.ts';

const test = suite('create');
test.before.each(() => void freshDevice());

const values = (x: Tensor) => [...x.dataSync()];

test('nested arrays give their shape, flat numbers take one', () => {
  assert.equal(tensor(3).shape, []);
  assert.equal(tensor([]).shape, [0]);
  assert.equal(tensor([[], []]).shape, [2, 0]);
  assert.equal(tensor([[[1, 2, 3]], [[4, 5, 6]]]).shape, [2, 1, 3]);
  assert.equal(
    [
      ...tensor([
        [1, 2],
        [3, 4],
      ]).dataSync(),
    ],
    [1, 2, 3, 4],
  );
  assert.equal(tensor([1, 2, 3, 4, 5, 6], [2, 3]).shape, [2, 3]);
  assert.equal(tensor(Float32Array.of(1, 2)).shape, [2]);
});

test('booleans are 1 and 0, and every kind of typed array is taken, nested too', () => {
  assert.equal(values(tensor([true, false, 2])), [1, 0, 2]);
  assert.equal(values(tensor(true)), [1]);
  const kinds: TypedArray[] = [
    Int8Array.of(1, 2),
    Uint8Array.of(1, 2),
    Uint8ClampedArray.of(1, 2),
    Int16Array.of(1, 2),
    Uint16Array.of(1, 2),
    Int32Array.of(1, 2),
    Uint32Array.of(1, 2),
    Float64Array.of(1, 2),
    BigInt64Array.of(1n, 2n),
    BigUint64Array.of(1n, 2n),
  ];
  for (const kind of kinds) {
    assert.equal(values(tensor(kind)), [1, 2]);
    assert.equal(values(tensor(kind, [2, 1])), [1, 2]);
  }
  const rows = tensor([Uint8Array.of(1, 2), Float32Array.of(3, 4), [5, 6]]);
  assert.equal(rows.shape, [3, 2]);
  assert.equal(values(rows), [1, 2, 3, 4, 5, 6]);
});

test('what is no number is refused with its place', () => {
  const circular: unknown[] = [];
  circular.push(circular);
  const sparse = [1, 2, 3];
  delete sparse[1];
  const refused: readonly (readonly [values: unknown, message: string])[] = [
    [['a'], "ArgumentError: tensor: values[0] is 'a', wants a number"],
    [[[1], ['1']], "ArgumentError: tensor: values[1][0] is '1', wants a number"],
    ['12', "ArgumentError: tensor: values is '12', wants a number"],
    [[[1, 2], 'ab'], "ArgumentError: tensor: values[1] is 'ab', wants a list of 2, as the first one"],
    [[1, null], 'ArgumentError: tensor: values[1] is null, wants a number'],
    [sparse, 'ArgumentError: tensor: values[1] is undefined, wants a number'],
    [undefined, 'ArgumentError: tensor: values is undefined, wants a number'],
    [new Set([1]), 'ArgumentError: tensor: values is a Set, wants a number'],
    [[1, { length: 2 }], 'ArgumentError: tensor: values[1] is an object, wants a number'],
    [new DataView(new ArrayBuffer(8)), 'ArgumentError: tensor: values is a DataView, wants a number'],
    [[ones([2])], 'ArgumentError: tensor: values[0] is a tensor; stack() and cat() join tensors'],
    [[1, [2]], 'ShapeError: tensor: values[1] is a list of 1, wants a number'],
    [[[1], 2], 'ShapeError: tensor: values[1] is 2, wants a list of 1, as the first one'],
    [
      [[[1, 2]], [[3, 4, 5]]],
      'ShapeError: tensor: values[1][0] is a list of 3, wants a list of 2, as the first one',
    ],
    [
      [[1, 2], Int8Array.of(3)],
      'ShapeError: tensor: values[1] is a list of 1, wants a list of 2, as the first one',
    ],
    [circular, 'ShapeError: tensor: values is nested deeper than the 64 axes that a tensor may have'],
  ];
  for (const [values, message] of refused)
    assert.is(
      errorOf(() => tensor(values as never)),
      message,
    );
});

test('sizes one by one are a shape, options follow', () => {
  for (const make of [zeros, ones, rand, randn]) {
    assert.equal(make(2, 3).shape, [2, 3]);
    assert.equal(make(4).shape, [4]);
    assert.equal(make([2, 3]).shape, [2, 3]);
    assert.equal(make([]).shape, []);
    assert.ok(make(2, 3, { requiresGrad: true }).requiresGrad);
    assert.ok(make([2, 3], { requiresGrad: true }).requiresGrad);
  }
  assert.ok(tensor([1, 2], { requiresGrad: true }).requiresGrad);
  assert.equal(values(arange(3)), [0, 1, 2]);
  assert.ok(arange(1, 3, { requiresGrad: true }).requiresGrad);
  const untyped = zeros as (...args: unknown[]) => unknown;
  assert.is(
    errorOf(() => untyped()),
    'ShapeError: zeros: wants a shape, such as zeros([2, 3]) or zeros(2, 3)',
  );
  assert.is(
    errorOf(() => untyped(2, 1.5)),
    'ShapeError: zeros: a shape is a list of whole numbers >= 0, got [2, 1.5]',
  );
  assert.is(
    errorOf(() => untyped('2')),
    "ShapeError: zeros: a shape is a list of whole numbers >= 0, got ['2']",
  );
  assert.match(
    errorOf(() => untyped([2], { requires_grad: true })),
    'did you mean requiresGrad?',
  );
});

test('a tensor holds a copy', async () => {
  const data = Float32Array.of(1, 2);
  const x = tensor(data);
  data[0] = 9;
  assert.equal([...(await x.data())], [1, 2]);
  (await x.data())[0] = 9;
  assert.equal([...x.dataSync()], [1, 2]);
});

test('constants and ranges', () => {
  assert.equal(
    [...zeros([2]).dataSync(), ...ones([1]).dataSync(), ...full([2], 2.5).dataSync()],
    [0, 0, 1, 2.5, 2.5],
  );
  assert.equal([...arange(0, 5).dataSync()], [0, 1, 2, 3, 4]);
  assert.equal([...arange(1, 0, -0.25).dataSync()], [1, 0.75, 0.5, 0.25]);
  assert.equal(arange(3, 3).shape, [0]);
  assert.is(
    errorOf(() => arange(0, 3, 0)),
    'ShapeError: arange: 0 to 3 by 0 never ends',
  );
});

test('a shape cannot be changed from outside', () => {
  const shape = [2, 3];
  const x = ones(shape);
  shape[0] = 7;
  assert.equal(x.shape, [2, 3]);
  assert.throws(() => Object.assign(x.shape, [1]));
});

test('one seed, the same numbers', () => {
  const draw = () => {
    seed(7);
    return [...rand([5]).dataSync(), ...randn([5]).dataSync()];
  };
  assert.equal(draw(), draw());
  const first = draw();
  seed(8);
  assert.not.equal([...rand([5]).dataSync()], first.slice(0, 5));
});

// Random123's known answer for philox4x32-10 with counter and key zero: 6627e8d5 e169c58d bc57ac4c 9b00dbd8.
test('the generator is Philox-4x32-10', () => {
  const words = [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8];
  assert.is(new Generator(0).random(), words[0] / 2 ** 32);
  assert.equal(
    [...new Generator(0).uniform(4)],
    words.map((word) => (word >>> 8) / 2 ** 24),
  );
});

test('the generator goes on where its state was taken', () => {
  const a = new Generator(3, 5);
  a.uniform(10);
  const b = new Generator();
  b.state = a.state;
  assert.equal([...a.normal(7)], [...b.normal(7)]);
  assert.equal(a.permutation(20), b.permutation(20));
  assert.not.equal([...new Generator(3, 5).uniform(4)], [...new Generator(3, 6).uniform(4)]);
});

test('moments, range and permutations', () => {
  const generator = new Generator(11);
  const n = 40_000;
  const moments = (x: Float32Array) => {
    const mean = x.reduce((sum, value) => sum + value, 0) / n;
    return [mean, x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / n];
  };
  const [mean, variance] = moments(generator.normal(n, 2, 3));
  assert.ok(Math.abs(mean - 2) < 0.06 && Math.abs(variance - 9) < 0.3, `${mean} ${variance}`);
  const uniform = generator.uniform(n, -1, 1);
  const [middle, spread] = moments(uniform);
  assert.ok(Math.abs(middle) < 0.015 && Math.abs(spread - 1 / 3) < 0.01, `${middle} ${spread}`);
  assert.ok(uniform.every((value) => value >= -1 && value < 1));
  assert.equal(
    generator.permutation(100).sort((a, b) => a - b),
    Array.from({ length: 100 }, (_, i) => i),
  );
});

test.run();
