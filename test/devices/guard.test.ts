/** What every device promises, whatever it runs on. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { DeviceName } from '../../lib/devices/device.ts';
import { setDevice } from '../../lib/devices/select.ts';
import { ones, optim, tensor } from '../../lib/index.ts';
import { openOrSkip } from '../support/open-or-skip.ts';
import { errorOf } from '../support/reference-device.ts';

const test = suite('a device');
const NAMES: readonly DeviceName[] = ['wasm', 'cpu', 'webasm', 'headlessgl', 'webgpu'];

for (const name of NAMES) {
  const device = await openOrSkip(name, 'use after dispose');
  if (!device) continue;
  test(`${name} that was disposed of says so on every use, and frees nothing twice`, async () => {
    setDevice(device);
    const x = tensor([[1, 2]], [1, 2], { requiresGrad: true });
    const none = ones([0]);
    x.mul(2).sum().backward();
    const optimizer = new optim.SGD([x], { lr: 1 });
    await x.data();
    await device.dispose();
    const message = `DeviceError: ${name}: the device was disposed of; init() opens another`;
    for (const use of [
      () => ones([2]),
      () => ones([0]),
      () => tensor([1, 2]),
      () => x.add(1),
      () => x.matmul(x.transpose(0, 1)),
      () => none.add(1),
      () => x.dataSync(),
      () => optimizer.step(),
    ]) {
      assert.is(errorOf(use), message);
    }
    for (const read of [() => x.data(), () => none.data(), () => x.sum(0).data()]) {
      const error = await Promise.resolve()
        .then(read)
        .catch((error: Error) => error);
      assert.is(String(error), message);
    }
    x.dispose();
    await device.dispose();
  });
}

test.run();
