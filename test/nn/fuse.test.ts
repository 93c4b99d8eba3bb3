import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  FusedError,
  init,
  memory,
  models,
  nn,
  noGrad,
  rand,
  randn,
  seed,
  type Tensor,
  tidy,
} from '../../lib/index.ts';
import { writeOnnx } from '../../lib/serialize/onnx/write.ts';

const device = await init({ device: 'wasm', threads: 2 });
test.before.each(() => seed(1));

/** In evaluation mode, with statistics and parameters of batch norm that are not those of the start. */
function settle<M extends nn.Module>(model: M, input: Tensor): M {
  noGrad(() => tidy(() => model.train().forward(input)));
  for (const norm of norms(model)) {
    norm.weight?.assign(device.upload(rand([norm.numFeatures]).add(0.5).dataSync()));
    norm.bias?.assign(device.upload(randn([norm.numFeatures]).dataSync()));
  }
  return model.eval();
}

const norms = (model: nn.Module): nn.BatchNorm2d[] =>
  [...model.namedModules().values()].filter((module) => module instanceof nn.BatchNorm2d);

/** The largest difference that fusing makes to the output, relative to the largest value of it. */
function difference(model: nn.Module, input: Tensor): number {
  return noGrad(() =>
    tidy(() => {
      const before = model.forward(input).dataSync();
      const after = nn.fuse(model).forward(input).dataSync();
      const largest = before.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      return before.reduce((worst, value, i) => Math.max(worst, Math.abs(value - after[i])), 0) / largest;
    }),
  );
}

/** By name how many batch norms there are, and how many follow a convolution. */
const NETWORKS: readonly [name: string, make: () => nn.Module, all: number, folded: number][] = [
  ['cnn2', () => models.cnn2({ inputSize: 64 }), 0, 0],
  ['cnn4', () => models.cnn4({ inputSize: 64, batchNorm: true }), 4, 4],
  ['cnn15', () => models.cnn15({ inputSize: 64 }), 13, 13],
  ['resnet18', () => models.resnet18({ numClasses: 5 }), 20, 20],
  ['resnet50', () => models.resnet50({ numClasses: 5 }), 53, 53],
  ['densenet121', () => models.densenet121({ numClasses: 5 }), 121, 59],
];

for (const [name, make, all, folded] of NETWORKS) {
  test(`${name}: the same outputs, and ${folded} of ${all} batch norms folded`, () =>
    tidy(() => {
      const input = randn([2, 3, 64, 64]);
      const model = settle(make(), input);
      assert.is(norms(model).length, all);
      const worst = difference(model, input);
      assert.ok(worst < 1e-4, `they differ by ${worst}`);
      const left = [...model.stateDict().keys()].filter((key) => key.endsWith('running_var'));
      assert.is(left.length, all - folded);
      model.dispose();
    }));
}

test('only a norm directly behind a convolution, in one place, with running statistics', () =>
  tidy(() => {
    const conv = (inner = 4) => new nn.Conv2d(inner, 4, { kernelSize: 3, padding: 1 });
    const shared = conv();
    const norm = () => new nn.BatchNorm2d(4);
    const model = new nn.Sequential({
      norm0: new nn.BatchNorm2d(3),
      conv1: conv(3),
      relu1: new nn.ReLU(),
      norm1: norm(),
      conv2: shared,
      norm2: norm(),
      conv3: shared,
      norm3: norm(),
      conv4: conv(),
      norm4: new nn.BatchNorm2d(4, { trackRunningStats: false }),
      conv5: new nn.Conv2d(4, 4, { kernelSize: 1, groups: 2 }),
      norm5: new nn.BatchNorm2d(4, { affine: false }),
    });
    const input = randn([2, 3, 8, 8]);
    settle(model, input);
    const before = [...model.stateDict().keys()];
    assert.ok(difference(model, input) < 1e-5);
    const after = [...model.stateDict().keys()];
    assert.equal(
      before.filter((key) => !after.includes(key)),
      ['norm5.running_mean', 'norm5.running_var', 'norm5.num_batches_tracked'],
    );
    assert.equal(
      after.filter((key) => !before.includes(key)),
      [],
    );
  }));

test('a convolution without bias gets one, and the memory of the norm is given back', () => {
  const model = new nn.Sequential(
    new nn.Conv2d(3, 8, { kernelSize: 1, bias: false }),
    new nn.BatchNorm2d(8),
    new nn.ReLU(),
  );
  const { tensors } = memory();
  nn.fuse(model);
  assert.equal([...model.stateDict().keys()], ['0.weight', '0.bias']);
  assert.is(memory().tensors, tensors - 4);
  assert.not(model.training);
  model.dispose();
});

test('a fused model cannot be trained or fused again, alone or as a part', () => {
  const model = nn.fuse(models.cnn4({ inputSize: 16, batchNorm: true }));
  const outer = new nn.Sequential(model, new nn.ReLU());
  const isError = (word: string) => (error: unknown) =>
    error instanceof FusedError && error.message.startsWith(word);
  assert.throws(() => model.train(), isError('train: the model was fused'));
  assert.throws(() => outer.train(), isError('train: the model was fused'));
  assert.throws(() => nn.fuse(model), isError('fuse: the model is fused already'));
  assert.throws(() => nn.fuse(outer), isError('fuse: the model is fused already'));
  assert.not(outer.eval().training);
  outer.dispose();
});

test('a batch norm that no chain tells of is named, and nothing is folded or marked', () => {
  class Own extends nn.Module {
    readonly body = new nn.Sequential(new nn.Conv2d(3, 4, { kernelSize: 1 }), new nn.BatchNorm2d(4));
    readonly conv = new nn.Conv2d(4, 4, { kernelSize: 1 });
    readonly norm = new nn.BatchNorm2d(4);
    forward(x: Tensor): Tensor {
      return this.norm.forward(this.conv.forward(this.body.forward(x)));
    }
  }
  const model = new Own();
  const keys = [...model.stateDict().keys()];
  assert.throws(
    () => nn.fuse(model),
    (error: unknown) =>
      error instanceof FusedError && /batch norm 'norm' stands in no chain/.test(error.message),
  );
  assert.equal([...model.stateDict().keys()], keys);
  assert.ok(model.train().training, 'it is not marked as fused');
  class Told extends Own {
    override chains() {
      return [[this.conv, this.norm]];
    }
  }
  const told = nn.fuse(new Told());
  assert.not([...told.stateDict().keys()].some((key) => key.includes('running')));
  for (const each of [model, told]) each.dispose();
});

test('a fused model can be exported, and loaded into another fused one', () =>
  tidy(() => {
    const make = () => models.cnn4({ inputSize: 16, batchNorm: true });
    const [one, other] = [nn.fuse(make()), nn.fuse(make())];
    other.loadStateDict(one.stateDict());
    const input = randn([1, 3, 16, 16]);
    assert.equal(noGrad(() => other.forward(input)).dataSync(), noGrad(() => one.forward(input)).dataSync());
    assert.equal(writeOnnx(other, [1, 3, 16, 16]), writeOnnx(one, [1, 3, 16, 16]));
    one.dispose();
    other.dispose();
  }));

test('ends', () => device.dispose());
test.run();
