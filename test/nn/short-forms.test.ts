/** PyTorch's positional arguments beside options. The calls also show that the types take them. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { F, nn, ones, randn, type Tensor } from '../../lib/index.ts';
import { errorOf, freshDevice } from '../support/reference-device.ts';

test.before(() => void freshDevice());

const image = () => ones(1, 2, 8, 8);
const shapeOf = (layer: nn.Module) => layer.forward(image()).shape;

type PoolClass = new (...window: ConstructorParameters<typeof nn.MaxPool2d>) => nn.Module;

test('a convolution takes its kernel, stride and padding in order, then options', () => {
  assert.equal(shapeOf(new nn.Conv2d(2, 3, 3)), [1, 3, 6, 6]);
  assert.equal(shapeOf(new nn.Conv2d(2, 3, 3, { stride: 2 })), [1, 3, 3, 3]);
  assert.equal(shapeOf(new nn.Conv2d(2, 3, [3, 1], { padding: 'same' })), [1, 3, 8, 8]);
  assert.equal(shapeOf(new nn.Conv2d(2, 3, 3, 2)), [1, 3, 3, 3]);
  assert.equal(shapeOf(new nn.Conv2d(2, 3, 3, 1, 1)), [1, 3, 8, 8]);
  assert.equal(shapeOf(new nn.Conv2d(2, 3, 3, 1, 'same')), [1, 3, 8, 8]);
  assert.equal(shapeOf(new nn.Conv2d(2, 4, 3, 1, [0, 1], { groups: 2, bias: false })), [1, 4, 6, 8]);
  assert.is(new nn.Conv2d(2, 4, 3, { bias: false }).bias, null);
  assert.equal(new nn.Conv2d(2, 4, 3, 1, 1, { groups: 2 }).weight.shape, [4, 1, 3, 3]);
});

test('so do pools, as layers and as functions', () => {
  const layers = (Pool: PoolClass) => [
    new Pool(2),
    new Pool(2, 1),
    new Pool(3, 2, 1),
    new Pool(2, { stride: 3 }),
    new Pool({ kernelSize: 4 }),
  ];
  const functions = (pool: typeof F.maxPool2d) => [
    pool(image(), 2),
    pool(image(), 2, 1),
    pool(image(), 3, 2, 1),
    pool(image(), 2, { stride: 3 }),
    pool(image(), { kernelSize: 4 }),
  ];
  const sides = [4, 7, 4, 3, 2].map((side) => [1, 2, side, side]);
  assert.equal(layers(nn.MaxPool2d).map(shapeOf), sides);
  assert.equal(layers(nn.AvgPool2d as PoolClass).map(shapeOf), sides);
  assert.equal(
    functions(F.maxPool2d).map(({ shape }) => shape),
    sides,
  );
  assert.equal(
    functions(F.avgPool2d as typeof F.maxPool2d).map(({ shape }) => shape),
    sides,
  );
});

test('what the order does not tell is refused', () => {
  assert.is(
    // @ts-expect-error a fourth number
    errorOf(() => new nn.Conv2d(2, 3, 3, 1, 1, 1)),
    'ArgumentError: Conv2d: takes kernelSize, stride and padding in this order, and others as options: got 3, 1, 1, 1',
  );
  assert.is(
    // @ts-expect-error the kernel size in two places
    errorOf(() => new nn.MaxPool2d(2, { kernelSize: 3 })),
    'ArgumentError: MaxPool2d: kernelSize is given twice',
  );
  assert.is(
    // @ts-expect-error no kernel size
    errorOf(() => new nn.MaxPool2d()),
    'ArgumentError: MaxPool2d: wants the option kernelSize',
  );
  assert.is(
    errorOf(() => new nn.Conv2d(2, 3, 'same' as never)),
    "ShapeError: Conv2d: kernelSize wants a whole number >= 1 or two of them, got 'same'",
  );
});

test('dropout takes whether it is training, as in F.dropout(x, p, this.training)', () => {
  const x = ones(100);
  assert.equal([...F.dropout(x, 0.5, false).dataSync()], [...x.dataSync()]);
  assert.not.equal([...F.dropout(x, 0.5, true).dataSync()], [...x.dataSync()]);
});

test('shapes and axes one by one, as methods', () => {
  const x = randn(2, 3, 4);
  assert.equal(x.reshape(3, 8).shape, [3, 8]);
  assert.equal(x.reshape(-1).shape, [24]);
  assert.equal(x.reshape([4, -1]).shape, [4, 6]);
  assert.equal(x.permute(0, 2, 1).shape, [2, 4, 3]);
  assert.equal(x.permute([2, 0, 1]).shape, [4, 2, 3]);
  assert.equal(ones(1, 3).expand(2, -1).shape, [2, 3]);
  assert.equal(ones(1, 3).expand([2, 3]).shape, [2, 3]);
  assert.equal([...ones(2).mul([-1, 3]).clamp(0, 1).dataSync()], [0, 1]);
  assert.equal([...ones(2).mul([-1, 3]).clamp({ max: 2 }).dataSync()], [-1, 2]);
  assert.match(
    errorOf(() => x.sum({ dim: 0 } as never)),
    'ShapeError: sum: axis wants a whole number or a list of them, got an object',
  );
});

test('backward takes its options alone', () => {
  const x = ones(2, { requiresGrad: true });
  const loss = x.mul(x).sum();
  loss.backward({ retainGraph: true });
  loss.backward();
  assert.equal([...(x.grad as Tensor).dataSync()], [4, 4]);
  assert.match(
    errorOf(() => loss.backward({ retain_graph: true } as never)),
    'did you mean retainGraph?',
  );
});

test.run();
