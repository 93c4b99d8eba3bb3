import type { DeviceMemory } from '../devices/device.ts';
import { currentDevice } from '../devices/select.ts';
import { Tensor } from './tensor.ts';

/** What tensors take on a device. */
export interface Memory extends DeviceMemory {
  /** Live storages; tensors that share one, as `reshape` and `detach` return them, count once. */
  readonly tensors: number;
}

/**
 * What the current device holds. A training step leaves `tensors` and `bytesInUse` as they were.
 * @throws DeviceError before `init()`
 */
export function memory(): Memory {
  const device = currentDevice();
  return { tensors: Tensor.count(device), ...device.memory() };
}
