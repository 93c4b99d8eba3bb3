import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Device } from '../../lib/devices/device.ts';
import { setDevice } from '../../lib/devices/select.ts';
import { memory } from '../../lib/index.ts';
import { compare, type GoldenModel, MODELS } from './parity.ts';

/** Relative distances, norm by norm. PyTorch's own float32 is off by up to 1.9e-5. */
const TOLERANCE = 2e-4;
/** Of the losses: after the first step activations may come to lie at a ReLU's kink, where rounding tells. */
const LOSS_TOLERANCE = 1e-3;

/** Holds each network on a device beside what PyTorch recorded of it. */
export function testParity(open: () => Device | Promise<Device>): void {
  const test = suite('parity');
  let device: Device;
  test.before(async () => {
    device = await open();
    setDevice(device);
    console.log(device.description);
  });
  for (const golden of MODELS) {
    test(`${golden.name} agrees with torchvision's in logits, gradients, statistics and five steps`, () =>
      check(golden));
  }
  test.after(() => device.dispose());
  test.run();
}

async function check(golden: GoldenModel): Promise<void> {
  const before = memory();
  const { logits, gradients, statistics, losses, tensors } = await compare(golden);
  console.log(
    `${golden.name}: relative distances ${logits.toExponential(1)} (logits), ${gradients[1].toExponential(1)} ` +
      `(gradients, ${gradients[0]}), ${statistics[1].toExponential(1)} (statistics, ${statistics[0]}), ` +
      `${Math.max(...losses).toExponential(1)} (losses)`,
  );
  assert.ok(logits <= TOLERANCE, `logits are off by ${logits}`);
  assert.ok(gradients[1] <= TOLERANCE, `the gradient of ${gradients[0]} is off by ${gradients[1]}`);
  assert.ok(statistics[1] <= TOLERANCE, `${statistics[0]} is off by ${statistics[1]}`);
  for (const [step, far] of losses.entries()) {
    assert.ok(far <= LOSS_TOLERANCE, `the loss after ${step} steps is off by ${far}`);
  }
  assert.equal(tensors, tensors.slice().fill(tensors[0]), 'each step leaves as many tensors as the first');
  assert.equal(memory().tensors, before.tensors);
  assert.equal(memory().bytesInUse, before.bytesInUse);
}
