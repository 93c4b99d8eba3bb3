import type { Device, DeviceMemory } from '../devices/device.ts';
import { currentDevice } from '../devices/select.ts';
import { type Growth, growthOf } from './growth.ts';
import { Tensor } from './tensor.ts';

/** What tensors take on a device. */
export interface Memory extends DeviceMemory {
  /** Live storages; tensors that share one, as `reshape` and `detach` return them, count once. */
  readonly tensors: number;
  /** Since when they become more with every step of a loop, or null where they do not. */
  readonly growth: Growth | null;
}

/**
 * What a device, by default the current one, holds. A training step leaves `tensors` and `bytesInUse` as they were.
 * @throws DeviceError before `init()`
 */
export function memory(device: Device = currentDevice()): Memory {
  return { tensors: Tensor.count(device), ...device.memory(), growth: growthOf(device) };
}
