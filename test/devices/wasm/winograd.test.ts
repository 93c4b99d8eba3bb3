/** Outliers in 3x3 convolutions: Winograd's tiles spread them, the direct convolution does not. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { TensorDataset } from '../../../lib/data/dataset.ts';
import { DataLoader } from '../../../lib/data/loader.ts';
import { setDevice } from '../../../lib/devices/select.ts';
import { createWasmDevice } from '../../../lib/devices/wasm/device.ts';
import { F, nn, noGrad, optim, seed, tensor, tidy } from '../../../lib/index.ts';
import { fit } from '../../../lib/train/fit.ts';
import { hashed } from '../../support/hashed.ts';
import { ReferenceDevice } from '../../support/reference/device.ts';

const [BATCH, CHANNELS, SIZE] = [2, 64, 16];
const PIXELS = SIZE * SIZE;
/** In the middle of image 0, channel 0: nine outputs of each channel read it. */
const POSITION = 7 * SIZE + 6;

const clean = hashed(BATCH * CHANNELS * PIXELS, 1);
const weights = hashed(CHANNELS * CHANNELS * 9, 2);

/** The 3x3 convolution of the inputs with one value replaced. */
function convolve(value: number): Float32Array {
  const inputs = clean.slice();
  inputs[POSITION] = value;
  return tidy(() =>
    F.conv2d(
      tensor(inputs, [BATCH, CHANNELS, SIZE, SIZE]),
      tensor(weights, [CHANNELS, CHANNELS, 3, 3]),
      null,
      { padding: 1 },
    ).dataSync(),
  );
}

const reaches = (i: number): boolean => {
  const [image, y, x] = [
    Math.floor(i / (CHANNELS * PIXELS)),
    Math.floor((i % PIXELS) / SIZE),
    (i % PIXELS) % SIZE,
  ];
  return image === 0 && Math.abs(y - 7) <= 1 && Math.abs(x - 6) <= 1;
};
const countNaN = (values: Float32Array): number => values.filter(Number.isNaN).length;

test('without Winograd a NaN reaches the outputs whose window holds it, and no other value changes', async () => {
  const device = await createWasmDevice({ threads: 2, winograd: false });
  setDevice(device);
  const expected = convolve(clean[POSITION]);
  const spoilt = convolve(Number.NaN);
  assert.is(countNaN(spoilt), 9 * CHANNELS);
  const large = convolve(1e6);
  spoilt.forEach((value, i) => {
    if (reaches(i)) assert.ok(Number.isNaN(value));
    else assert.equal([value, large[i]], [expected[i], expected[i]], `output ${i}`);
  });
  await device.dispose();
});

test('with it, it reaches whole tiles, and nothing beyond them', async () => {
  const device = await createWasmDevice({ threads: 2 });
  setDevice(device);
  const spoilt = convolve(Number.NaN);
  assert.ok(countNaN(spoilt) > 9 * CHANNELS, 'this shape goes by Winograd');
  assert.ok(countNaN(spoilt) <= 4 * 16 * CHANNELS, 'of the four tiles around it');
  await device.dispose();
});

test('the weight gradient, too, depends on what is under the kernel alone', async () => {
  const device = await createWasmDevice({ threads: 2, winograd: false });
  const reference = new ReferenceDevice();
  const gradient = (on: typeof device | ReferenceDevice) => {
    setDevice(on);
    return tidy(() => {
      const inputs = clean.slice();
      inputs[POSITION] = 1e6;
      const weight = tensor(weights, [CHANNELS, CHANNELS, 3, 3]).setRequiresGrad();
      const y = F.conv2d(tensor(inputs, [BATCH, CHANNELS, SIZE, SIZE]), weight, null, { padding: 1 });
      y.mul(tensor(hashed(y.size, 3), y.shape))
        .sum()
        .backward();
      return weight.grad?.dataSync() ?? new Float32Array();
    });
  };
  const [ours, expected] = [gradient(device), gradient(reference)];
  const perFilter = CHANNELS * 9;
  ours.forEach((value, i) => {
    // Channel 0 has the outlier.
    if (i % perFilter < 9) return;
    assert.ok(Math.abs(value - expected[i]) < 1e-3, `${i}: ${value}, ${expected[i]}`);
  });
  await device.dispose();
});

test('the layer where NaN begins is named, whatever Winograd makes of it behind', async () => {
  const device = await createWasmDevice({ threads: 1 });
  setDevice(device);
  seed(1);
  const conv = () => new nn.Conv2d(16, 16, { kernelSize: 3, padding: 1 });
  const model = new nn.Sequential(
    new nn.Conv2d(1, 16, { kernelSize: 3, padding: 1 }),
    conv(),
    conv(),
    new nn.Flatten(),
    new nn.Linear(16 * PIXELS, 1),
  );
  const second = model.get(1) as nn.Conv2d;
  noGrad(() => {
    const values = second.weight.dataSync();
    values[5] = Number.NaN;
    second.weight.assign(device.upload(values));
  });
  const data = new TensorDataset(
    { shape: [8, 1, SIZE, SIZE], data: hashed(8 * PIXELS, 4) },
    { shape: [8, 1], data: Float32Array.of(0, 1, 0, 1, 0, 1, 0, 1) },
  );
  const optimizer = new optim.SGD(model.parameters(), { lr: 1e-3 });
  const error = await fit(model, new DataLoader(data), { optimizer, epochs: 1, progress: null }).catch(
    (error: Error) => error,
  );
  assert.match(
    (error as Error).message,
    /NaN or infinity first appears in the output of 1 \(\d+ of \d+ values\), whose 1\.weight holds it/,
  );
  await device.dispose();
});

test.run();
