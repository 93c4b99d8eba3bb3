import type { Device } from '../devices/device.ts';
import { record } from '../tensor/autograd.ts';
import { checkDevice, copyOf } from '../tensor/placement.ts';
import type { Tensor } from '../tensor/tensor.ts';

/**
 * x on another device; x itself where it is there already. The gradient goes back to the device of x.
 * @throws DeviceError where the device of x has no synchronous read: there `tensor(await x.data(), x.shape, { device })`
 *   makes a copy, which has no gradient
 */
export function to(x: Tensor, device: Device): Tensor {
  checkDevice('to', device);
  const { device: home } = x;
  if (device === home) return x;
  return record(copyOf(x, device), {
    name: 'to',
    inputs: [x],
    backward: (dy) => [copyOf(dy, home)],
  });
}

declare module '../tensor/tensor.ts' {
  interface Tensor {
    /**
     * This on another device, differentiably; itself where it is there already.
     * @throws DeviceError where its device has no synchronous read: there `tensor(await x.data(), x.shape, { device })`
     *   makes a copy, which has no gradient
     */
    to(device: Device): Tensor;
  }
}
