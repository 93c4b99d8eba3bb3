/** Classes and probabilities that are none: refused at once where that costs no wait, else when the loss is read. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Device, DeviceName } from '../../lib/devices/device.ts';
import { setDevice } from '../../lib/devices/select.ts';
import { F, memory, type Tensor, tensor, tidy } from '../../lib/index.ts';
import type { NestedArray } from '../../lib/tensor/values.ts';
import { openOrSkip } from '../support/open-or-skip.ts';
import { errorOf, freshDevice } from '../support/reference-device.ts';

const LOGITS = [
  [1, 2, 0],
  [0, 1, 3],
];
const { NaN: nan } = Number;

type Loss = (x: Tensor, target: Tensor) => Tensor;
const nll: Loss = (x, target) => F.nllLoss(F.logSoftmax(x, 1), target);

/** A loss, its input, its target, and what the error says. */
const REFUSED: readonly (readonly [Loss, NestedArray, NestedArray, RegExp])[] = [
  ...[3, -1, 0.5, nan, -101].flatMap((outside) =>
    [F.crossEntropy as Loss, nll].map((loss): [Loss, NestedArray, NestedArray, RegExp] => [
      loss,
      LOGITS,
      [1, outside],
      /: (value 1|a value) of the target .* a class from 0 to 2, or ignoreIndex -100/,
    ]),
  ),
  [F.binaryCrossEntropy, [0.2, 1.5], [0, 1], /: (value 1|a value) of the input .* probabilities from 0 to 1/],
  [F.binaryCrossEntropy, [nan, 0.5], [0, 1], /: (value 0|a value) of the input .* probabilities from 0 to 1/],
  [
    F.binaryCrossEntropy,
    [0.2, 0.5],
    [-0.1, 1],
    /: (value 0|a value) of the target .* probabilities from 0 to 1/,
  ],
];

/** A reference device that would have to be waited for. */
function waitingDevice(): Device {
  const device: Device = freshDevice();
  device.peek = () => null;
  return device;
}

const names: readonly DeviceName[] = ['wasm', 'cpu', 'headlessgl', 'webgpu'];
const named = await Promise.all(names.map((name) => openOrSkip(name, 'checks of targets')));
const devices: readonly [string, Device][] = [
  ['one that waits', waitingDevice()],
  ...named.flatMap((device): [string, Device][] => (device ? [[device.name, device]] : [])),
];

for (const [name, device] of devices) {
  const test = suite(`values out of range on ${name}`);
  test.before(() => setDevice(device));
  REFUSED.forEach(([loss, input, target, message], i) => {
    test(`${i}: an input or target that was just made`, async () => {
      const before = memory();
      const read = async () => {
        using result = tidy(() => loss(tensor(input), tensor(target)));
        return await result.item();
      };
      assert.match(String(await read().catch((error: Error) => error)), message);
      const after = memory();
      assert.equal([after.tensors, after.bytesInUse], [before.tensors, before.bytesInUse]);
    });
    test(`${i}: one that was computed on the device`, async () => {
      const read = () =>
        tidy(() => loss(tensor(input).mul(2).mul(0.5), tensor(target).mul(2).mul(0.5))).data();
      const error = await Promise.resolve()
        .then(read)
        .catch((error: Error) => error);
      assert.match(String(error), message);
    });
  });
  test('classes, ignored ones and probabilities at their ends pass', async () => {
    await tidy(async () => {
      const computed = (values: number[]) => tensor(values).mul(2).mul(0.5);
      for (const made of [tensor, computed]) {
        assert.ok(Number.isFinite(await F.crossEntropy(tensor(LOGITS), made([2, -100])).item()));
        assert.ok(Number.isFinite(await F.binaryCrossEntropy(made([0, 1, 0.5]), made([0, 1, 0.3])).item()));
      }
    });
  });
  test.after(() => device.dispose());
  test.run();
}

const late = suite('a loss whose values are checked late');
late.before.each(() => setDevice(waitingDevice()));

late(
  'is NaN in what is computed from it, hands no gradient on, and is refused by each way to read it',
  async () => {
    const x = tensor(LOGITS, [2, 3], { requiresGrad: true });
    const loss = F.crossEntropy(x, tensor([0, 3]));
    assert.equal(await loss.mul(2).item(), nan);
    loss.backward();
    assert.equal([...(x.grad?.dataSync() ?? [])], [0, 0, 0, 0, 0, 0]);
    assert.match(
      errorOf(() => loss.dataSync()),
      /ShapeError: crossEntropy: a value of the target/,
    );
  },
);

late('has the values and gradients of one that is not', async () => {
  const results = [waitingDevice(), freshDevice()].map((device) => {
    setDevice(device);
    const x = tensor(LOGITS, [2, 3], { requiresGrad: true });
    const loss = F.crossEntropy(x, tensor([0, 2]));
    loss.backward();
    return [loss.dataSync(), x.grad?.dataSync()];
  });
  assert.equal(results[0], results[1]);
});

late.run();
