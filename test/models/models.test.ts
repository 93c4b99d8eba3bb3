import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { setDevice } from '../../lib/devices/select.ts';
import {
  init,
  memory,
  models,
  nn,
  noGrad,
  optim,
  randn,
  seed,
  type Tensor,
  tidy,
  zeros,
} from '../../lib/index.ts';
import { ReferenceDevice } from '../support/reference/device.ts';

test.before.each(() => {
  setDevice(new ReferenceDevice());
  seed(0);
});

const count = (model: nn.Module): number => model.parameters().reduce((sum, { size }) => sum + size, 0);

const spread = (weight: Tensor): number => {
  const values = weight.dataSync();
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
};

const near = (actual: number, expected: number): void => {
  assert.ok(Math.abs(actual / expected - 1) < 0.02, `${actual} is not near ${expected}`);
};

test('the plain networks have the layers that they promise', () => {
  const conv = (from: number, to: number) => to * (from * 9 + 1);
  const dense = (from: number, to: number) => to * (from + 1);
  assert.is(
    count(models.cnn2({ inputSize: 32 })),
    conv(3, 16) + conv(16, 32) + dense(32 * 8 * 8, 64) + dense(64, 1),
  );
  assert.is(
    count(models.cnn4({ inputSize: 32, inChannels: 1, numClasses: 7 })),
    conv(1, 16) + conv(16, 32) + conv(32, 64) + conv(64, 128) + dense(128 * 2 * 2, 128) + dense(128, 7),
  );
  const cnn15 = models.cnn15({ inputSize: 32 });
  const layers = [...cnn15.namedModules().values()];
  assert.is(layers.filter((layer) => layer instanceof nn.Conv2d || layer instanceof nn.Linear).length, 15);
  assert.is(layers.filter((layer) => layer instanceof nn.BatchNorm2d).length, 13);
  assert.equal([...models.cnn4({ batchNorm: true, inputSize: 16 }).stateDict().keys()].slice(0, 7), [
    'features.conv1.weight',
    'features.norm1.weight',
    'features.norm1.bias',
    'features.norm1.running_mean',
    'features.norm1.running_var',
    'features.norm1.num_batches_tracked',
    'features.conv2.weight',
  ]);
  assert.throws(() => models.cnn15({ inputSize: 31 }), /5 poolings want an inputSize of 32 or more, got 31/);
});

const NETWORKS = {
  cnn2: () => models.cnn2({ inChannels: 1, inputSize: 8, numClasses: 3 }),
  cnn4: () => models.cnn4({ inChannels: 1, inputSize: 20, numClasses: 3 }),
  cnn15: () => models.cnn15({ inChannels: 1, inputSize: 32, numClasses: 3 }),
  resnet18: () => models.resnet18({ inChannels: 1, numClasses: 3 }),
  resnet50: () => models.resnet50({ inChannels: 1, numClasses: 3 }),
  densenet121: () => models.densenet121({ inChannels: 1, numClasses: 3 }),
};
const SIZES: Record<keyof typeof NETWORKS, number> = {
  cnn2: 8,
  cnn4: 20,
  cnn15: 32,
  resnet18: 32,
  resnet50: 32,
  densenet121: 32,
};

for (const [name, create] of Object.entries(NETWORKS)) {
  test(`${name}: the head on the features is the network, and only results stay in memory`, () => {
    const model = create().eval();
    const size = SIZES[name as keyof typeof NETWORKS];
    noGrad(() => {
      const x = randn([1, 1, size, size]);
      const { tensors } = memory();
      const logits = model.forward(x);
      assert.equal(logits.shape, [1, 3]);
      const map = model.features(x);
      assert.is(map.rank, 4);
      assert.equal(model.head(map).dataSync(), logits.dataSync());
      assert.is(memory().tensors, tensors + 3);
    });
  });
}

test('every parameter of a network gets a gradient, and a step leaves memory as it was', () => {
  const model = models.cnn4({ inChannels: 1, inputSize: 16, batchNorm: true });
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.01, momentum: 0.9 });
  const x = randn([2, 1, 16, 16]);
  const step = () => {
    optimizer.zeroGrad();
    tidy(() => model.forward(x).square().mean().backward());
    optimizer.step();
  };
  step();
  assert.ok([...model.namedParameters().values()].every(({ grad }) => grad !== null));
  const before = memory();
  for (let i = 0; i < 3; i++) step();
  assert.equal(memory(), before);
});

test("ResNet and DenseNet start with torchvision's spread", () => {
  const resnet = models.resnet18({ zeroInitResidual: true });
  near(spread(resnet.conv1.weight), Math.sqrt(2 / (64 * 49)));
  const block = resnet.layer2.get(0) as nn.BasicBlock;
  near(spread(block.conv1.weight), Math.sqrt(2 / (128 * 9)));
  assert.is(block.bn2.weight && spread(block.bn2.weight), 0);
  assert.is(block.bn1.weight && spread(block.bn1.weight), 1);
  near(spread((resnet.fc as nn.Linear).weight), 1 / Math.sqrt(3 * 512));

  const densenet = models.densenet121();
  near(spread((densenet.body.get('conv0') as nn.Conv2d).weight), Math.sqrt(2 / 147));
  assert.is(spread((densenet.classifier as nn.Linear).bias as Tensor), 0);
});

test('options reach the layers', () => {
  const resnext = models.resnet50({ groups: 32, widthPerGroup: 4 });
  assert.is(count(resnext), 25_028_904);
  const densenet = models.densenet121({ dropRate: 0.2, bnSize: 2, numClasses: 4 });
  const block = densenet.body.get('denseblock1') as unknown as nn.DenseBlock;
  assert.is((block.layers[0].dropout as nn.Dropout).p, 0.2);
  assert.equal(block.layers[0].conv1.weight.shape, [64, 64, 1, 1]);
});

test('DenseNet understands the key spelling of its oldest files', () => {
  const [first, second] = [models.densenet121({ numClasses: 2 }), models.densenet121({ numClasses: 2 })];
  const old = new Map(
    [...first.stateDict()]
      .filter(([key]) => !key.endsWith('num_batches_tracked'))
      .map(([key, tensor]) => [key.replace(/(denselayer\d+\.(?:norm|conv))([12])/, '$1.$2'), tensor]),
  );
  assert.ok(old.has('features.denseblock1.denselayer1.norm.1.weight'));
  assert.equal(second.loadStateDict(old), { missing: [], unexpected: [] });
  const key = 'features.denseblock4.denselayer16.conv2.weight';
  assert.equal(second.stateDict().get(key)?.dataSync(), first.stateDict().get(key)?.dataSync());
});

test('a head can be exchanged for another number of classes', () => {
  const pretrained = models.resnet18();
  const model = models.resnet18({ numClasses: 1 });
  assert.throws(
    () => model.loadStateDict(pretrained.stateDict()),
    /fc\.weight is \[1000, 512\], wants \[1, 512\]/,
  );
  pretrained.fc = new nn.Linear(512, 1);
  assert.equal(model.loadStateDict(pretrained.stateDict()).missing, []);
});

test('a network tells its parts, and takes another classifier', async () => {
  const device = await init({ device: 'wasm', threads: 1 });
  const made: [models.ImageModel, number][] = [
    [models.resnet50(), 64],
    [models.densenet121(), 64],
    [models.cnn4({ inputSize: 64 }), 64],
  ];
  for (const [model, size] of made) {
    const names = [...model.namedParameters().keys()];
    const { firstConv, classifierName, lastFeatureLayer } = model;
    assert.is(names[0], `${firstConv.conv}.weight`);
    if (firstConv.norm) assert.is(names[1], `${firstConv.norm}.weight`);
    assert.ok(names.at(-1)?.startsWith(`${classifierName}.`));
    assert.is(model.namedModules().get(classifierName), model.getClassifier());
    assert.ok([...model.namedModules().values()].includes(lastFeatureLayer));
    assert.equal(
      model
        .stages()
        .flat(2)
        .flatMap((module) => module.parameters()).length,
      names.length,
    );
    const bytes = memory().bytesInUse;
    model.resetClassifier(3).resetClassifier(5);
    assert.ok(memory().bytesInUse < bytes, 'the old classifier is disposed of');
    const x = zeros([2, 3, size, size]);
    assert.equal(noGrad(() => model.eval().forward(x)).shape, [2, 5]);
    model.resetClassifier((features) => new nn.Sequential(new nn.Dropout(0.5), new nn.Linear(features, 2)));
    assert.equal(noGrad(() => model.forward(x)).shape, [2, 2]);
  }
  await device.dispose();
});

test.run();
