/** A long training: memory stays flat, no loss is NaN, and the same seed and threads give the same bits again. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { setDevice } from '../../../lib/devices/select.ts';
import { createWasmDevice } from '../../../lib/devices/wasm/device.ts';
import { F, memory, nn, optim, randn, seed, tidy } from '../../../lib/index.ts';

const STEPS = 2000;
/** Losses are kept every so many steps. */
const EVERY = 50;

async function train(): Promise<{ losses: number[]; bytes: number[] }> {
  const device = await createWasmDevice({ threads: 2 });
  setDevice(device);
  seed(11);
  const model = new nn.Sequential(
    new nn.Conv2d(3, 16, { kernelSize: 3, padding: 1, bias: false }),
    new nn.BatchNorm2d(16),
    new nn.ReLU(),
    new nn.Conv2d(16, 24, { kernelSize: 3, padding: 1 }),
    new nn.MaxPool2d({ kernelSize: 2 }),
    new nn.Flatten(),
    new nn.Linear(24 * 36, 1),
  );
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.02, momentum: 0.9 });
  const [x, noise] = [randn([4, 3, 12, 12]), randn([4, 1])];
  const y = noise.gt(0);
  const losses: number[] = [];
  const bytes: number[] = [];
  for (let step = 0; step < STEPS; step++) {
    const loss = tidy(() => {
      const result = F.binaryCrossEntropyWithLogits(model.forward(x), y);
      optimizer.zeroGrad();
      result.backward();
      optimizer.step();
      return result.detach();
    });
    if (step % EVERY === EVERY - 1) {
      losses.push(await loss.item());
      bytes.push(memory().bytesInUse);
    }
    loss.dispose();
  }
  setDevice(null);
  await device.dispose();
  return { losses, bytes };
}

test(`${STEPS} steps, twice`, async () => {
  const first = await train();
  const [start] = first.bytes;
  assert.ok(
    first.bytes.every((held) => held === start),
    `bytes in use: ${first.bytes}`,
  );
  assert.ok(first.losses.every(Number.isFinite), `losses: ${first.losses}`);
  assert.ok(first.losses[first.losses.length - 1] < first.losses[0]);
  assert.equal((await train()).losses, first.losses);
});

test.run();
