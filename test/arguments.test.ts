import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DataLoader } from '../lib/data/loader.ts';
import { RandomSampler } from '../lib/data/samplers.ts';
import { resize } from '../lib/data/transforms.ts';
import { ArgumentError, F, init, models, nn, ones, optim, serialize, type Tensor } from '../lib/index.ts';
import { evaluate } from '../lib/train/evaluate.ts';
import { fit } from '../lib/train/fit.ts';
import { errorOf, freshDevice } from './support/reference-device.ts';

test.before(() => void freshDevice());

const params = (): Tensor[] => [ones([1], { requiresGrad: true })];
const sgd = () => new optim.SGD(params(), { lr: 1 });
const image = () => ones([1, 1, 4, 4]);
const images = { length: 1, image: () => Promise.reject(), target: () => 0 };

/** As JavaScript calls it, where no type stands in the way. */
const untyped = (options: unknown) => options as never;

/** Calls with a misspelt option, and the name that the refusal has to offer. */
const MISSPELT: readonly (readonly [call: () => unknown, meant: string])[] = [
  [() => new nn.Conv2d(1, 1, untyped({ kernel_size: 3 })), 'kernelSize'],
  [() => new nn.Conv2d(1, 1, 3, untyped({ strides: 2 })), 'stride'],
  [() => new nn.MaxPool2d(2, untyped({ ceil_mode: true })), 'ceilMode'],
  [() => new nn.AvgPool2d(2, untyped({ count_include_pad: true })), 'countIncludePad'],
  [() => new nn.BatchNorm2d(2, untyped({ momentun: 0.1 })), 'momentum'],
  [() => new nn.Linear(1, 1, untyped({ useBias: false })), 'bias'],
  [() => new optim.SGD(params(), untyped({ learningRate: 1 })), 'lr'],
  [() => new optim.Adam(params(), untyped({ learning_rate: 1 })), 'lr'],
  [() => new optim.AdamW(params(), untyped({ weight_decay: 1 })), 'weightDecay'],
  [() => new optim.Adam(params(), untyped({ wd: 1 })), 'weightDecay'],
  [() => new optim.SGD([{ params: params(), ...({ weight_decay: 1 } as object) }], { lr: 1 }), 'weightDecay'],
  [() => new optim.StepLR(sgd(), untyped({ step_size: 1 })), 'stepSize'],
  [() => new optim.CosineAnnealingLR(sgd(), untyped({ T_max: 1 })), 'tMax'],
  [() => new optim.OneCycleLR(sgd(), untyped({ max_lr: 1 })), 'maxLr'],
  [() => new optim.ReduceLROnPlateau(sgd(), untyped({ min_lr: 1 })), 'minLr'],
  [() => F.conv2d(image(), image(), null, untyped({ pading: 1 })), 'padding'],
  [() => F.maxPool2d(image(), untyped({ kernel: 2 })), 'kernelSize'],
  [() => F.batchNorm(image(), null, null, untyped({ is_training: true })), 'training'],
  [() => F.mseLoss(image(), image(), untyped({ reduce: 'sum' })), 'reduction'],
  [() => F.crossEntropy(image(), image(), untyped({ label_smoothing: 1 })), 'labelSmoothing'],
  [() => F.binaryCrossEntropyWithLogits(image(), image(), untyped({ pos_weight: image() })), 'posWeight'],
  [() => image().var(0, untyped({ keep_dim: true })), 'keepdim'],
  [() => image().clamp(untyped({ minimum: 0 })), 'min'],
  [() => nn.init.kaimingNormal(image(), untyped({ non_linearity: 'relu' })), 'nonlinearity'],
  [() => nn.clipGradNorm(params(), 1, untyped({ norm_type: 1 })), 'normType'],
  [() => new nn.Linear(1, 1).loadStateDict(new Map(), untyped({ stric: false })), 'strict'],
  [() => models.resnet18(untyped({ num_classes: 1 })), 'numClasses'],
  [() => models.cnn15(untyped({ classes: 1 })), 'numClasses'],
  [() => new DataLoader(images, untyped({ batch_size: 1 })), 'batchSize'],
  [() => new DataLoader(images, untyped({ numWorkers: 1 })), 'workers'],
  [() => new RandomSampler(3, untyped({ sed: 1 })), 'seed'],
  [() => resize(8, untyped({ fits: 'pad' })), 'fit'],
  [() => serialize.writeSafetensors(new Map(), untyped({ meta_data: {} })), 'metadata'],
  [() => serialize.readTorch(new Uint8Array(), untyped({ strip_prefix: 'x' })), 'stripPrefix'],
];

for (const [call, meant] of MISSPELT) {
  test(`a misspelt option is refused, and ${meant} is offered: ${call}`, () => {
    assert.match(errorOf(call), new RegExp(`^ArgumentError: .*did you mean ${meant}\\?`));
  });
}

test('fit and evaluate name their options', async () => {
  const loader = new DataLoader(images);
  const trained = fit(new nn.Linear(1, 1), loader, untyped({ optimizer: sgd(), epoch: 1 }));
  const evaluated = evaluate(new nn.Linear(1, 1), loader, untyped({ on_batch: () => {} }));
  for (const [call, meant] of [
    [trained, 'epochs'],
    [evaluated, 'onBatch'],
  ] as const) {
    // biome-ignore format: pairs
    const error = await call.catch((error: unknown) => error);
    assert.match(String(error), `did you mean ${meant}?`);
  }
});

test('init names its options', async () => {
  const error = await init(untyped({ devices: 'wasm' })).catch((error: unknown) => error);
  assert.instance(error, ArgumentError);
  assert.match(
    String(error),
    "init: no option 'devices'; did you mean device? (there are device, threads, winograd, seed)",
  );
});

test('what is like no option is refused with those that there are', () => {
  assert.is(
    errorOf(() => new nn.Linear(1, 1, untyped({ activation: 'relu' }))),
    "ArgumentError: Linear: no option 'activation'; the only one is bias",
  );
});

test('what is no object where options go is refused, and so is a call without an option that has no default', () => {
  const refused: readonly (readonly [call: () => unknown, message: string])[] = [
    [() => new optim.SGD(params(), untyped(0.1)), 'SGD: options want an object such as { lr: ... }, got 0.1'],
    [
      () => new optim.StepLR(sgd(), untyped(3)),
      'StepLR: options want an object such as { stepSize: ... }, got 3',
    ],
    [
      () => new nn.Linear(1, 1, untyped(false)),
      'Linear: options want an object such as { bias: ... }, got false',
    ],
    [
      () => F.conv2d(image(), image(), null, untyped('same')),
      "conv2d: options want an object such as { stride: ... }, got 'same'",
    ],
    [
      () => F.mseLoss(image(), image(), untyped(image())),
      'mseLoss: options want an object such as { reduction: ... }, got a Tensor',
    ],
    [() => new optim.SGD(params(), untyped({})), 'SGD: wants the option lr'],
    [() => new nn.MaxPool2d(untyped({})), 'MaxPool2d: wants the option kernelSize'],
  ];
  for (const [call, message] of refused) assert.is(errorOf(call), `ArgumentError: ${message}`);
});

test('an option that is undefined has its default', () => {
  assert.equal(
    new nn.Conv2d(1, 1, { kernelSize: 3, padding: undefined, bias: undefined }).forward(image()).shape,
    [1, 1, 2, 2],
  );
  assert.is(new optim.Adam(params(), { lr: undefined }).groups[0].lr, 1e-3);
});

test.run();
