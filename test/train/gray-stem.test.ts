import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { GRAY, IMAGENET, type Normalization } from '../../lib/data/transforms.ts';
import { StateDictError } from '../../lib/errors.ts';
import { init, models, noGrad, rand, seed, type Tensor, tensor, tidy } from '../../lib/index.ts';
import { grayStem } from '../../lib/train/gray-stem.ts';

test.before(async () => {
  await init({ device: 'wasm', threads: 1 });
});

const SIZE = 64;

/** The same gray image [2, C, SIZE, SIZE] under some statistics. */
function normalized(gray: Float32Array, { mean, std }: Normalization): Tensor {
  const pixels = SIZE * SIZE;
  const channels = mean.length;
  const values = Float32Array.from({ length: gray.length * channels }, (_, i) => {
    const c = Math.floor(i / pixels) % channels;
    return (gray[Math.floor(i / (pixels * channels)) * pixels + (i % pixels)] - mean[c]) / std[c];
  });
  return tensor(values, [2, channels, SIZE, SIZE]);
}

/** Running statistics as after some training, and a classifier that is not at its start. */
function unsettle(model: models.ResNet | models.DenseNet): typeof model {
  const state = model.stateDict();
  for (const [name, value] of state) {
    if (name.endsWith('running_mean')) state.set(name, rand(value.shape).mul(0.2));
    if (name.endsWith('running_var')) state.set(name, rand(value.shape).add(0.5));
  }
  model.loadStateDict(state);
  return model.eval() as typeof model;
}

const NETWORKS = {
  resnet18: (inChannels: number) => models.resnet18({ numClasses: 3, inChannels }),
  densenet121: (inChannels: number) => models.densenet121({ numClasses: 3, inChannels }),
};

/** The greatest difference of two outputs, as a share of the greatest value. */
function distance(a: Float32Array, b: Float32Array): number {
  const scale = Math.max(...a.map(Math.abs));
  return Math.max(...a.map((value, i) => Math.abs(value - b[i]))) / scale;
}

for (const [name, make] of Object.entries(NETWORKS)) {
  test(`${name}: equal logits where the channels have one mean, whatever their deviations`, async () => {
    seed(4);
    const from = { mean: [0.45, 0.45, 0.45], std: [0.3, 0.22, 0.17] };
    const to = { mean: [0.45], std: [0.25] };
    const [three, one] = [unsettle(make(3)), make(1)];
    one.loadStateDict(await grayStem(three.stateDict(), three.firstConv, { from, to }));
    one.eval();
    const gray = await rand([2, SIZE, SIZE]).data();
    const [expected, found] = noGrad(() => [
      three.forward(normalized(gray, from)),
      one.forward(normalized(gray, to)),
    ]);
    const worst = distance(await expected.data(), await found.data());
    assert.ok(worst < 1e-4, `logits differ by ${worst}`);
  });
}

test("ImageNet's statistics: equal wherever the stem's window lies within the image", async () => {
  seed(5);
  const [three, one] = [unsettle(models.resnet18()), models.resnet18({ inChannels: 1 })] as models.ResNet[];
  one.loadStateDict(await grayStem(three.stateDict(), three.firstConv));
  one.eval();
  const gray = await rand([2, SIZE, SIZE]).data();
  const stem = (model: models.ResNet, x: Tensor) =>
    noGrad(() => tidy(() => model.bn1.forward(model.conv1.forward(x))));
  const expected = await stem(three, normalized(gray, IMAGENET)).data();
  const found = await stem(one, normalized(gray, GRAY)).data();
  const side = SIZE / 2;
  let [inside, border] = [0, 0];
  expected.forEach((value, i) => {
    const [y, x] = [Math.floor(i / side) % side, i % side];
    const difference = Math.abs(value - found[i]);
    // 7x7, stride 2, padding 3: two outputs at the near sides reach outside, one at the far sides.
    if (Math.min(x, y) >= 2 && Math.max(x, y) <= side - 2) inside = Math.max(inside, difference);
    else border = Math.max(border, difference);
  });
  assert.ok(inside < 1e-5, `inside ${inside}`);
  assert.ok(border > 1e-3 && border < 0.5, `at the border ${border}`);
});

test('weights without such a stem, or of other channels, are refused by name', async () => {
  const refusal = (model: models.ImageModel) =>
    grayStem(model.stateDict(), model.firstConv).then(
      () => assert.unreachable('should have failed'),
      (error) => error,
    );
  const foreign = await refusal(models.cnn2({ inputSize: 16 }));
  assert.instance(foreign, StateDictError);
  assert.match(foreign.message, /wants features\.conv1\.weight and a batch norm behind it/);
  const gray = await refusal(models.resnet18({ inChannels: 1 }));
  assert.instance(gray, StateDictError);
  assert.match(gray.message, /conv1\.weight is for 1 channels, the statistics for 3/);
});

test.run();
