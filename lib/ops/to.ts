import type { Device } from '../devices/device.ts';
import { ArgumentError, quote } from '../errors.ts';
import { record } from '../tensor/autograd.ts';
import { copyOf } from '../tensor/placement.ts';
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

/** @throws ArgumentError for what is no device */
export function checkDevice(owner: string, device: Device): void {
  if (typeof device?.upload === 'function') return;
  throw new ArgumentError(`${owner}: wants a device as \`await init()\` returns, got ${quote(device)}`);
}
