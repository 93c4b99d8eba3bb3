import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Device, DeviceName } from '../../lib/devices/device.ts';
import { setDevice } from '../../lib/devices/select.ts';
import { F, memory, models, optim, rand, randn, seed, tensor, tidy } from '../../lib/index.ts';
import { openOrSkip } from '../support/open-or-skip.ts';

/** Programs that a gpu.js device compiled so far; nothing on others. */
const compilations = (device: Device): number | undefined =>
  'compilations' in device ? (device.compilations as number) : undefined;

/** The losses of so many training steps of cnn4 on batches of two images, and what each step left behind. */
async function train(device: Device, steps: number) {
  setDevice(device);
  seed(3);
  const model = models.cnn4({ inputSize: 32, batchNorm: true });
  const optimizer = new optim.Adam(model.parameters(), { lr: 1e-3 });
  const labels = tensor([[0], [1]]);
  const losses: number[] = [];
  const state = () => JSON.stringify({ ...memory(), compilations: compilations(device) });
  let settled = '';
  for (let step = 0; step < steps; step++) {
    const loss = tidy(() => {
      const images = randn([2, 3, 32, 32]).add(rand([2, 1, 1, 1]));
      const loss = F.binaryCrossEntropyWithLogits(model.forward(images), labels);
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      return loss;
    });
    losses.push(await loss.item());
    loss.dispose();
    // The first step makes the optimiser's state, the second frees the first one's gradients.
    if (step === 1) settled = state();
    if (step > 1) assert.is(state(), settled, `step ${step} left something behind`);
  }
  optimizer.zeroGrad();
  optimizer.dispose();
  model.dispose();
  labels.dispose();
  return losses;
}

const STEPS: Partial<Record<DeviceName, number>> = {
  wasm: 200,
  headlessgl: 200,
  webgpu: 10,
  webasm: 10,
  cpu: 5,
};

for (const [name, steps] of Object.entries(STEPS)) {
  const device = await openOrSkip(name as DeviceName, `${steps} training steps`);
  if (!device) continue;
  test(`${name}: ${steps} steps of cnn4 leave memory as it was, compile nothing and stay finite`, async () => {
    const losses = await train(device, steps);
    assert.ok(losses.every(Number.isFinite));
  });
  test(`${name}: the same seed gives the same losses, bit for bit`, async () => {
    const few = Math.min(steps, 20);
    assert.equal(await train(device, few), await train(device, few));
  });
  test(`${name} ends`, () => device.dispose());
}

test.run();
