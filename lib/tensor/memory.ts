import { currentDevice } from '../devices/select.ts';
import { Tensor } from './tensor.ts';

/** What the current device holds: live storages, their bytes, and all bytes taken from the system, pool included. */
export function memory(): { tensors: number; bytesInUse: number; bytesHeld: number } {
  const device = currentDevice();
  return { tensors: Tensor.count(device), ...device.memory() };
}
