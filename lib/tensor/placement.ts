/** Which device tensors are on, and copies from one to another. */
import type { Device, Storage } from '../devices/device.ts';
import { ArgumentError, DeviceError, quote } from '../errors.ts';
import { Tensor } from './tensor.ts';

/** @throws ArgumentError for what is no tensor, such as numbers that are not one yet */
export function checkTensor(op: string, value: unknown, name = 'input'): asserts value is Tensor {
  if (value instanceof Tensor) return;
  throw new ArgumentError(`${op}: ${name} wants a tensor, as tensor() makes, got ${quote(value)}`);
}

/** The device that all operands of an op share. @throws DeviceError naming two of them, if they do not. */
export function sharedDevice(op: string, first: Tensor, ...others: readonly (Tensor | null)[]): Device {
  checkTensor(op, first);
  const { device } = first;
  for (const other of others) {
    if (other === null) continue;
    checkTensor(op, other, 'an operand');
    if (other.device === device) continue;
    const another = other.device.name === device.name ? `another ${device.name}` : other.device.name;
    throw new DeviceError(
      `${op}: operands live on two devices, ${device.name} and ${another}; bring one over with to(device)`,
    );
  }
  return device;
}

/**
 * A storage on `device` with the values of a tensor from this or another device.
 * @throws DeviceError where the other device has no synchronous read
 */
export function copyStorage(from: Tensor, device: Device): Storage {
  return from.device === device
    ? device.strided(from.storage, { shape: [from.size], strides: [1], offset: 0 })
    : device.upload(from.dataSync());
}

/** A tensor with values of its own. */
export const copyOf = (from: Tensor, device = from.device): Tensor =>
  new Tensor({ device, storage: copyStorage(from, device) }, from.shape);

/** @throws ArgumentError for what is no device */
export function checkDevice(owner: string, device: Device): void {
  if (typeof device?.upload === 'function') return;
  throw new ArgumentError(`${owner}: wants a device as \`await init()\` returns, got ${quote(device)}`);
}
