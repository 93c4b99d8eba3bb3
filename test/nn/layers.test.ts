import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { setDevice } from '../../lib/devices/select.ts';
import { models, nn, noGrad, ones, randn, seed, type Tensor, tensor, zeros } from '../../lib/index.ts';
import { close } from '../support/close-to.ts';
import { ReferenceDevice } from '../support/reference/device.ts';

test.before.each(() => {
  setDevice(new ReferenceDevice());
  seed(0);
});

const values = (x: Tensor | null | undefined): number[] => [...(x?.dataSync() ?? [])];

/** Mean, standard deviation and largest size of a tensor's values. */
function moments(x: Tensor): { mean: number; std: number; bound: number } {
  const data = values(x);
  const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
  const variance = data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / data.length;
  return {
    mean,
    std: Math.sqrt(variance),
    bound: data.reduce((most, value) => Math.max(most, Math.abs(value)), 0),
  };
}

const near = (actual: number, expected: number, share = 0.03): void => {
  assert.ok(Math.abs(actual - expected) <= share * expected, `${actual} is not near ${expected}`);
};

test('a basic block refuses what it would ignore', () => {
  assert.throws(
    () => new nn.BasicBlock(64, 64, { groups: 2 }),
    /BasicBlock: groups and baseWidth .* got 2 and 64/,
  );
  assert.throws(() => models.resnet18({ widthPerGroup: 128 }), /BasicBlock: .* got 1 and 128/);
});

test('layers give the shapes of torch.nn', () => {
  const x = randn([2, 4, 9, 7]);
  const shapeOf = (layer: nn.Module) => layer.forward(x).shape;
  assert.equal(
    shapeOf(new nn.Conv2d(4, 6, { kernelSize: [3, 2], stride: [2, 1], padding: [1, 0], groups: 2 })),
    [2, 6, 5, 6],
  );
  assert.equal(shapeOf(new nn.BatchNorm2d(4)), [2, 4, 9, 7]);
  assert.equal(shapeOf(new nn.Linear(7, 3)), [2, 4, 9, 3]);
  assert.equal(shapeOf(new nn.MaxPool2d({ kernelSize: 2 })), [2, 4, 4, 3]);
  assert.equal(shapeOf(new nn.MaxPool2d({ kernelSize: 2, ceilMode: true })), [2, 4, 5, 4]);
  assert.equal(shapeOf(new nn.AvgPool2d({ kernelSize: 3, stride: 2, padding: 1 })), [2, 4, 5, 4]);
  assert.equal(shapeOf(new nn.AdaptiveAvgPool2d([3, 1])), [2, 4, 3, 1]);
  assert.equal(shapeOf(new nn.Flatten()), [2, 252]);
  assert.equal(shapeOf(new nn.Flatten(2)), [2, 4, 63]);
  assert.is(new nn.Identity().forward(x), x);
});

test('activations are their functions', () => {
  const x = tensor([-2, 0, 3]);
  const of = (layer: nn.Module) => layer.forward(x).dataSync();
  close('relu', of(new nn.ReLU()), Float32Array.of(0, 0, 3));
  close('leaky relu', of(new nn.LeakyReLU(0.1)), Float32Array.of(-0.2, 0, 3));
  close('sigmoid', of(new nn.Sigmoid()), Float32Array.of(1 / (1 + Math.exp(2)), 0.5, 1 / (1 + Math.exp(-3))));
  close('tanh', of(new nn.Tanh()), Float32Array.of(Math.tanh(-2), 0, Math.tanh(3)));
  const sum = Math.exp(-2) + 1 + Math.exp(3);
  close('softmax', of(new nn.Softmax()), Float32Array.of(Math.exp(-2) / sum, 1 / sum, Math.exp(3) / sum));
});

test('batch norm tracks its statistics in training and uses them in evaluation', () => {
  const norm = new nn.BatchNorm2d(1, { momentum: 0.25 });
  const x = tensor([[[[1, 2, 3, 6]]]]);
  const batch = norm.forward(x);
  close(
    'normalised',
    batch.dataSync(),
    Float32Array.from([-2, -1, 0, 3], (d) => d / Math.sqrt(3.5 + 1e-5)),
  );
  close('running mean', norm.runningMean?.dataSync(), Float32Array.of(0.25 * 3));
  close('running variance', norm.runningVar?.dataSync(), Float32Array.of(0.75 + (0.25 * 14) / 3));
  assert.equal(values(norm.numBatchesTracked), [1]);
  norm.forward(x);
  assert.equal(values(norm.numBatchesTracked), [2]);

  norm.eval().loadStateDict(new nn.BatchNorm2d(1).stateDict());
  close('evaluation', norm.forward(x).dataSync(), Float32Array.of(1, 2, 3, 6));
  assert.equal(values(norm.numBatchesTracked), [0]);

  const plain = new nn.BatchNorm2d(1, { affine: false, trackRunningStats: false }).eval();
  assert.is(plain.stateDict().size, 0);
  assert.equal(values(plain.forward(x)), values(batch));
});

test('dropout drops a share p and keeps the mean, and is no more in evaluation', () => {
  const layer = new nn.Dropout(0.25);
  const x = ones([10_000]);
  const kept = values(layer.forward(x));
  assert.ok(kept.every((value) => value === 0 || Math.abs(value - 4 / 3) < 1e-6));
  near(kept.filter((value) => value === 0).length, 2500, 0.06);
  assert.equal(values(layer.eval().forward(x)), values(x));
  assert.throws(() => new nn.Dropout(1.5), /want 0\.\.1, got 1\.5/);
});

test('convolutions and linear layers start uniform in 1 / sqrt(fanIn)', () => {
  const conv = new nn.Conv2d(32, 64, { kernelSize: 3, groups: 2 });
  const { mean, std, bound } = moments(conv.weight);
  assert.ok(Math.abs(mean) < 1e-3);
  near(std, 1 / 12 / Math.sqrt(3));
  assert.ok(bound <= 1 / 12 && bound > 0.99 / 12);
  const linear = new nn.Linear(400, 50);
  near(moments(linear.weight).std, 0.05 / Math.sqrt(3));
  assert.ok(linear.bias && moments(linear.bias).bound <= 0.05);
  assert.throws(() => new nn.Conv2d(3, 4, { kernelSize: 1, groups: 2 }), /groups must divide/);
});

test("initialisers have torch.nn.init's spread", () => {
  const weight = zeros([120, 60, 3, 3]);
  const [fanIn, fanOut] = [540, 1080];
  const { init } = nn;
  near(moments(init.kaimingNormal(weight)).std, Math.sqrt(2 / fanIn));
  near(
    moments(init.kaimingNormal(weight, { mode: 'fanOut', nonlinearity: 'relu' })).std,
    Math.sqrt(2 / fanOut),
  );
  near(moments(init.kaimingUniform(weight, { a: Math.sqrt(5) })).std, 1 / Math.sqrt(3 * fanIn));
  near(moments(init.kaimingNormal(weight, { nonlinearity: 'tanh' })).std, 5 / 3 / Math.sqrt(fanIn));
  near(moments(init.xavierUniform(weight)).std, Math.sqrt(2 / (fanIn + fanOut)));
  near(moments(init.xavierNormal(weight, 2)).std, 2 * Math.sqrt(2 / (fanIn + fanOut)));
  near(moments(init.uniform(weight, 1, 3)).mean, 2);
  near(moments(init.normal(weight, 5, 0.5)).std, 0.5);
  assert.equal(moments(init.constant(weight, 2)), { mean: 2, std: 0, bound: 2 });
  assert.throws(() => init.kaimingNormal(zeros([3])), /two axes or more, got \[3\]/);
});

test('blocks give the shapes of their papers', () => {
  noGrad(() => {
    const x = randn([2, 8, 6, 6]);
    const basic = new nn.BasicBlock(8, 16, { stride: 2, downsample: nn.shortcut(8, 16, 2) });
    assert.equal(basic.forward(x).shape, [2, 16, 3, 3]);
    const bottleneck = new nn.Bottleneck(8, 2, { groups: 2, baseWidth: 64 });
    assert.equal(bottleneck.conv2.weight.shape, [4, 2, 3, 3]);
    assert.equal(bottleneck.forward(x).shape, [2, 8, 6, 6]);
    const dense = new nn.DenseBlock(3, 8, { growthRate: 4, bnSize: 2, dropRate: 0.1 });
    assert.equal(dense.forward(x).shape, [2, 20, 6, 6]);
    assert.equal(new nn.Transition(8, 4).forward(x).shape, [2, 4, 3, 3]);
  });
});

test.run();
